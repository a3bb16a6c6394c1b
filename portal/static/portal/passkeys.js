/* Passkeys: before a form is sent, the browser creates or uses one and adds it to the form. */

const form = document.querySelector("form[data-passkey]");
const problem = document.querySelector("#passkey-problem");

const toBytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
const toText = buffer =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const withBytes = list => (list ?? []).map(one => ({ ...one, id: toBytes(one.id) }));

/* PublicKeyCredential.parseCreationOptionsFromJSON and toJSON do the same, but Safari has them since 18.4 only. */
function parsed(options) {
  const found = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) found.user = { ...options.user, id: toBytes(options.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"]) found[name] = withBytes(options[name]);
  return found;
}

function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function show(text) {
  problem.textContent = text;
  problem.hidden = false;
}

async function options() {
  const body = new FormData(form);
  const response = await fetch(form.dataset.options, { method: "POST", body });
  const type = response.headers.get("Content-Type") ?? "";
  const found = type.startsWith("application/json") ? await response.json() : {};
  if (found.error) throw new Error(found.error);
  if (!found.publicKey) {   // the confirmation of the password, or the login, has expired
    location.reload();
    return null;
  }
  return { publicKey: parsed(found.publicKey) };
}

async function send(event) {
  if (form.elements.credential.value) return;
  event.preventDefault();
  problem.hidden = true;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const asked = await options();
    if (!asked) return;
    const container = navigator.credentials;
    const create = form.dataset.passkey === "create";
    const credential = await (create ? container.create(asked) : container.get(asked));
    form.elements.credential.value = JSON.stringify(written(credential));
    form.submit();
  } catch (error) {   // DOMException: canceled, timed out, or no passkey
    show(error instanceof DOMException || error instanceof TypeError ? form.dataset.failed : error.message);
  } finally {
    button.disabled = false;
  }
}

if (form && window.PublicKeyCredential) {
  form.hidden = false;
  form.addEventListener("submit", send);
} else if (form?.dataset.unsupported) {
  show(form.dataset.unsupported);
}
/* A page from the history may have a used answer. */
window.addEventListener("pageshow", () => { if (form) form.elements.credential.value = ""; });
