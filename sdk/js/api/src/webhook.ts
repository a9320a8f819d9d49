/**
 * For endpoints of webhooks: {@link verify} knows the server's calls, {@link receiver} answers them.
 *
 * @example
 * ```js
 * import { createServer } from "node:http";
 * import { receiver, Status } from "@indent/api/webhook";
 *
 * const roles = new Map([["reader", new Set()]]);
 * const endpoint = receiver({
 *   secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
 *   name: "roles",
 *   apply({ grant, user, target }) {
 *     const members = roles.get(target.id);
 *     if (!members) throw new Status(5, "there is no such role");
 *     if (grant) members.add(user.id);
 *     else members.delete(user.id);
 *   },
 * });
 * createServer(endpoint.node).listen(9000);
 * ```
 *
 * @packageDocumentation
 */

export { Code, MAX_BODY, Status, receiver } from "./webhook_handler.js";
export type {
  Access,
  Answer,
  Claim,
  Event,
  Many,
  NodeRequest,
  NodeResponse,
  Receiver,
  ReceiverOptions,
  Resource,
  Update,
} from "./webhook_handler.js";
export { SignatureError, TOLERANCE, verify } from "./webhook_verify.js";
export type { CallHeaders, VerifyOptions } from "./webhook_verify.js";
