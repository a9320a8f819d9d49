import { type CallHeaders, SignatureError, instantOf, joined, readerOf, verify } from "./webhook_verify.js";

/** The most that a call may send, in bytes. */
export const MAX_BODY = 8 << 20;

/** Codes of google.rpc to answer with, in a {@link Status}. The server tries again those that may pass, and not the others. */
export const Code = {
  UNKNOWN: 2, // tried again
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8, // tried again
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14, // tried again
  UNAUTHENTICATED: 16,
} as const;

/** Why a call was not done, with a google.rpc code; the server reads and shows both. */
export class Status extends Error {
  override readonly name = "Status";

  /** @param code 1 to 16, such as {@link Code}.NOT_FOUND; another is a RangeError. */
  constructor(
    readonly code: number,
    override readonly message: string,
  ) {
    super(message);
    if (!Number.isInteger(code) || code < 1 || code > 16) {
      throw new RangeError("the codes of google.rpc that are errors are 1 to 16");
    }
  }
}

/** Anything that can act or be acted on. What is empty is left out on the wire. */
export interface Resource {
  id: string;
  kind?: string;
  displayName?: string;
  email?: string;
  altIds?: readonly string[];
  labels?: Readonly<Record<string, string>>;
}

/** An entry of the audit log. Times are RFC 3339. */
export interface Event {
  event: string;
  id?: string;
  actor?: Resource;
  resources?: readonly Resource[];
  reason?: string;
  timestamp?: string;
  meta?: { labels?: Readonly<Record<string, string>>; [member: string]: unknown };
  [member: string]: unknown;
}

/** A decision on a petition. Labels such as `indent.com/time/duration` say for how long. */
export interface Claim {
  event: "access/approve" | "access/deny";
  reason?: string;
  meta?: { labels?: Readonly<Record<string, string>> };
}

/** What the server asks for. */
export interface Update {
  /** The same each time that the call is made; "" of a server that does not send it. */
  id: string;
  /** Whether `user` gets `target`; otherwise it is taken away. */
  grant: boolean;
  user: Resource;
  target: Resource;
  /** When access is to end by itself; null when it does not. */
  expires: Date | null;
  /** The event access/grant or access/revoke; its `actor` is who approved or revoked. */
  command: Event;
  /** All of the petition so far, the command last. */
  events: readonly Event[];
}

/** Whether somebody has access in the real system, and when it ends there by itself, where that is known. */
export interface Access {
  access: boolean;
  expires?: Date | null;
}

/** Several, at once or one after the other. */
export type Many<T> = Iterable<T> | AsyncIterable<T>;

export interface ReceiverOptions {
  /** Those of the webhook: one, or two while a secret is being rotated. */
  secrets: readonly string[];
  /** As in {@link verify}. */
  publicKeys?: readonly string[];
  /** As in {@link verify}. */
  acceptOriginal?: boolean;
  /**
   * ApplyUpdate: grants or revokes access in the real system. A call can come twice and late: make things so, do not add to them.
   * Return only when they are so; throw a {@link Status} to say why they cannot be.
   */
  apply?: (update: Update) => void | Promise<void>;
  /** PullUpdate: the resources of these kinds. */
  pull?: (kinds: readonly string[], flags: Readonly<Record<string, string>>) => Many<Resource> | Promise<Many<Resource>>;
  /**
   * GetDecision: claims on the petition that the events tell of; none, or nothing, leaves it to people. A claim counts only if the
   * webhook's bot may review the petition.
   */
  decide?: (events: readonly Event[]) => Many<Claim> | void | Promise<Many<Claim> | void>;
  /** GetState: whether the user has the target now, read from the real system and not from memory. */
  state?: (user: Resource, target: Resource) => Access | Promise<Access>;
  /** What GetInfo says that the endpoint is called. */
  name?: string;
  /** Told of errors that are answered without their text, and of calls that are not the server's. */
  failed?: (error: unknown) => void;
}

/** What to answer: an HTTP status, and a body that is JSON. */
export interface Answer {
  status: number;
  body: string;
}

/** What {@link Receiver.node} needs of a request of `node:http`. */
export interface NodeRequest extends AsyncIterable<Uint8Array> {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What {@link Receiver.node} needs of a response of `node:http`. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  end(body: string): unknown;
}

/** An endpoint. Its functions need no `this`: hand them over as they are. */
export interface Receiver {
  /**
   * Answers one call, for any framework that gives the body as it came: 200 with the code 0; 401 for a call that is not the
   * server's; 500 with the code of what went wrong. It never rejects.
   */
  handle(headers: CallHeaders, body: string | Uint8Array, now?: Date): Promise<Answer>;
  /** For servers that answer a Request with a Response: `export default { fetch: endpoint.fetch }`. */
  fetch(request: Request): Promise<Response>;
  /** For `node:http`, and what stands on it: `createServer(endpoint.node)`. Nothing may have read the body before. */
  node(request: NodeRequest, response: NodeResponse): Promise<void>;
}

/**
 * Makes an endpoint of functions: it verifies calls, tells them apart and writes the answers. A function that is missing is answered
 * as not implemented. What a function throws that is no {@link Status} is answered without its text, which may be nobody's business,
 * and the server makes the call again.
 *
 * @throws TypeError when secrets or publicKeys are no lists of texts.
 *
 * @example
 * ```js
 * const endpoint = receiver({ secrets: [process.env.WEBHOOK_SECRET], apply, name: "roles" });
 * createServer(endpoint.node).listen(9000); // node:http
 * Bun.serve({ port: 9000, fetch: endpoint.fetch }); // or what answers a Request with a Response
 * ```
 */
export function receiver(options: ReceiverOptions): Receiver {
  for (const list of [options.secrets, options.publicKeys ?? []]) {
    if (!Array.isArray(list) || !list.every((text) => typeof text === "string")) {
      throw new TypeError("secrets and publicKeys are lists of texts: write [secret]");
    }
  }
  const handle = (headers: CallHeaders, body: string | Uint8Array, now?: Date) => answer(options, headers, body, now);
  return {
    handle,
    async fetch(request) {
      const reader = request.body?.getReader();
      const body = await read(async () => (await reader?.read()) ?? { done: true });
      if (!body) await reader?.cancel().catch(() => undefined);
      const { status, body: text } = await (body ? handle(request.headers, body) : UNREADABLE);
      return new Response(text, { status, headers: { "Content-Type": "application/json" } });
    },
    async node(request, response) {
      // not `for await`: leaving its loop early would close the connection before it has the answer
      const chunks = request[Symbol.asyncIterator]();
      const body = await read(() => chunks.next());
      const { status, body: text } = await (body ? handle(request.headers, body) : UNREADABLE);
      const headers = { "Content-Type": "application/json", "Content-Length": new TextEncoder().encode(text).length };
      // the rest of a body that is too large is not waited for
      response.writeHead(status, body ? headers : { ...headers, Connection: "close" });
      response.end(text);
    },
  };
}

const UNREADABLE: Answer = refusal(500, Code.INVALID_ARGUMENT, `the call's body is larger than ${MAX_BODY} bytes, or breaks off`);

const FAILED: Answer = refusal(500, Code.UNKNOWN, "the endpoint failed: its own log may say why");

async function answer(
  options: ReceiverOptions,
  headers: CallHeaders,
  body: string | Uint8Array,
  now?: Date,
): Promise<Answer> {
  const { secrets, publicKeys = [], acceptOriginal = false } = options;
  let verified: string | Uint8Array;
  try {
    verified = await verify(secrets, headers, body, { publicKeys, acceptOriginal, ...(now && { now }) });
  } catch (error) {
    tell(options, error);
    if (error instanceof SignatureError) return refusal(401, Code.UNAUTHENTICATED, error.message);
    return FAILED;
  }
  try {
    const said = await serve(options, readerOf(headers)("webhook-id"), verified);
    return { status: 200, body: JSON.stringify({ status: { code: 0 }, ...said }) };
  } catch (error) {
    if (error instanceof Status) return refusal(500, error.code, error.message);
    tell(options, error);
    return FAILED;
  }
}

/** A log that is broken changes nothing in what is answered. */
function tell(options: ReceiverOptions, error: unknown): void {
  try {
    options.failed?.(error);
  } catch {
    // there is nobody left to tell
  }
}

async function serve(options: ReceiverOptions, id: string, body: string | Uint8Array): Promise<object> {
  const call = callIn(body);
  if (call["info"] === true) return { status: { code: 0, details: [infoOf(options)] } };
  if (Array.isArray(call["kinds"]) && options.pull) {
    const flags = isObject(call["flags"]) ? (call["flags"] as Record<string, string>) : {};
    return { resources: await all(await options.pull(call["kinds"] as string[], flags)) };
  }
  if (call["state"] !== undefined && options.state) return stateOf(options.state, call["state"]);
  const events = eventsIn(call);
  const commands = events.some((event) => isCommand(event));
  if (commands && options.apply) {
    await options.apply(updateOf(id, events));
    return {};
  }
  if (events.length && !commands && options.decide) return { claims: await all((await options.decide(events)) ?? []) };
  throw new Status(Code.UNIMPLEMENTED, "this endpoint does not answer calls of this kind");
}

function infoOf(options: ReceiverOptions): object {
  const able = {
    PullUpdate: options.pull,
    GetDecision: options.decide,
    ApplyUpdate: options.apply,
    GetState: options.state,
  };
  const capabilities = Object.entries(able).filter(([, does]) => does).map(([name]) => name);
  return { name: options.name ?? "", capabilities: ["GetInfo", ...capabilities] };
}

async function stateOf(ask: NonNullable<ReceiverOptions["state"]>, state: unknown): Promise<object> {
  const resources = isObject(state) ? state["resources"] : undefined;
  if (!Array.isArray(resources) || resources.length !== 2 || !resources.every(isObject)) {
    throw new Status(Code.INVALID_ARGUMENT, "state must have the user and the target as its resources");
  }
  const [user, target] = resources as unknown as [Resource, Resource];
  const { access, expires } = await ask(user, target);
  // nothing, or a text, must not be read as "no access"
  if (typeof access !== "boolean") throw new TypeError("the function `state` answers {access: true} or {access: false}");
  return { access, ...(expires && { expireTime: expires.toISOString() }) };
}

function updateOf(id: string, events: readonly Event[]): Update {
  const command = events[events.length - 1];
  const [user, target, more] = command?.resources ?? [];
  if (!command || !isCommand(command) || !isObject(user) || !isObject(target) || more) {
    throw new Status(
      Code.INVALID_ARGUMENT,
      "the last event must be access/grant or access/revoke with the user and the target as its resources",
    );
  }
  const grant = command.event === "access/grant";
  const ends = grant ? command.meta?.labels?.["indent.com/time/expires"] : undefined;
  const expires = ends ? instantOf(ends) : null;
  if (expires === undefined) {
    // to grant for ever what was to end would be worse than not to grant
    throw new Status(Code.INVALID_ARGUMENT, "the label indent.com/time/expires is not a time of RFC 3339");
  }
  return { id, grant, user, target, expires, command, events };
}

function isCommand(event: Event): boolean {
  return event.event === "access/grant" || event.event === "access/revoke";
}

function callIn(body: string | Uint8Array): Record<string, unknown> {
  let call: unknown;
  try {
    call = JSON.parse(typeof body === "string" ? body : new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    call = undefined;
  }
  if (!isObject(call)) throw new Status(Code.INVALID_ARGUMENT, "the call's body is not one that this version knows");
  return call;
}

function eventsIn(call: Record<string, unknown>): readonly Event[] {
  const events = call["events"] ?? [];
  if (!Array.isArray(events) || !events.every(isObject)) {
    throw new Status(Code.INVALID_ARGUMENT, "events is not a list of events");
  }
  return events as unknown as Event[];
}

function isObject(value: unknown): value is Record<string, unknown> & Resource {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function all<T>(many: Many<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of many) list.push(one);
  return list;
}

interface Chunk {
  done?: boolean | undefined;
  value?: Uint8Array | undefined;
}

/** The whole body; undefined when it breaks off, or is larger than it may be. */
async function read(next: () => Promise<Chunk>): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await next();
      if (done || !value) return joined(parts);
      length += value.length;
      if (length > MAX_BODY) return undefined;
      parts.push(value);
    }
  } catch {
    return undefined;
  }
}

function refusal(status: number, code: number, message: string): Answer {
  return { status, body: JSON.stringify({ status: { code, message } }) };
}
