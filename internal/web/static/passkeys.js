// Asks the browser for passkeys (WebAuthn) when a form that needs one is sent. What is asked comes from the server, what the
// device answers goes to the server, which alone judges it. A form without an answer is refused there.
'use strict';

{
  const says = (form, text) => {
    const line = form.querySelector('[data-passkey-says]');
    if (line) line.textContent = text;
    document.querySelector('[data-announce]').textContent = text; // for who listens
  };

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  // What the server is told of a signature, or of a new key.
  async function perform({ ceremony, publicKey }) {
    if (!window.PublicKeyCredential) throw new Error('This browser has no passkeys here.');
    const options = { ...publicKey, challenge: bytes(publicKey.challenge) };
    if (ceremony === 'get') {
      options.allowCredentials = described(publicKey.allowCredentials);
      const { rawId, response } = await navigator.credentials.get({ publicKey: options });
      return JSON.stringify({
        credentialId: base64url(rawId),
        clientDataJSON: base64url(response.clientDataJSON),
        authenticatorData: base64url(response.authenticatorData),
        signature: base64url(response.signature),
      });
    }
    options.user = { ...publicKey.user, id: bytes(publicKey.user.id) };
    options.excludeCredentials = described(publicKey.excludeCredentials);
    const { id, rawId, type, response } = await navigator.credentials.create({ publicKey: options });
    return JSON.stringify({
      id,
      rawId: base64url(rawId),
      type,
      response: {
        clientDataJSON: base64url(response.clientDataJSON),
        attestationObject: base64url(response.attestationObject),
      },
    });
  }

  async function ask(address, fields) {
    const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
    if (answer.type === 'opaqueredirect') throw new Error('You are not signed in any more: sign in again.');
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.headers.get('Content-Type').startsWith('text/plain') ? text : 'The server did not answer. Nothing was done.');
    return JSON.parse(text);
  }

  async function answerOf(form) {
    const { options, ask: address, passkey, have } = form.dataset;
    if (options) return perform(JSON.parse(options));
    let confirmation = '';
    if (passkey === 'add' && have) {
      says(form, 'First, confirm with a passkey that you have…');
      confirmation = await perform(await ask(address, { do: 'manage' }));
      says(form, 'Now the new one…');
    }
    const next = await ask(address, { do: passkey === 'add' ? 'register' : 'manage', passkey: confirmation });
    return perform(next);
  }

  const reasons = {
    NotAllowedError: 'Not done: it was cancelled, or the device did not answer in time.',
    InvalidStateError: 'Not done: this device has a passkey of yours already.',
    SecurityError: 'Not done: the browser has no passkeys for this address.',
  };

  const asking = new WeakSet();

  document.addEventListener('submit', async (event) => {
    const form = event.target;
    const button = event.submitter;
    const { passkey, options } = form.dataset;
    // On a petition only the approval asks.
    if (!passkey || options && button?.value !== passkey || form.elements.passkey.value) return;
    event.preventDefault();
    if (asking.has(form)) return;
    asking.add(form);
    says(form, 'Your browser asks for your passkey…');
    try {
      form.elements.passkey.value = await answerOf(form);
      says(form, '');
      form.requestSubmit(button);
      form.elements.passkey.value = ''; // the back button must not send it again
    } catch (error) {
      says(form, reasons[error.name] || error.message);
    } finally {
      asking.delete(form);
    }
  });
}
