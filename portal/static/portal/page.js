/* For all pages: keyboard shortcuts, copy buttons, forms that are sent once, tips that close. */

const KEYS_OFF = "sanso.keys-off";
const SEQUENCE_MS = 1200;
const keys = new Map();
let prefix = "";
let prefixAt = 0;

/* Whether a keystroke is input: typing, choosing, or composing with an input method. */
export function isTyping(event) {
  if (event.isComposing || event.keyCode === 229) return true;
  const target = event.target instanceof Element ? event.target : document.body;
  return Boolean(target.closest("input, select, textarea, [contenteditable]"));
}

/* Runs `action` on a single key, or on two in a row ("g e"), while shortcuts are on and the user is not typing. */
export function onKey(sequence, action) {
  keys.set(sequence, action);
}

function keysAreOff() {
  try {
    return localStorage.getItem(KEYS_OFF) === "yes";
  } catch {
    return false;                                  // storage is blocked: shortcuts stay on
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return closeTips();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  if (keysAreOff() || document.querySelector("dialog[open]")) return;
  const inTime = event.timeStamp - prefixAt < SEQUENCE_MS;
  const action = (inTime && keys.get(`${prefix} ${event.key}`)) || keys.get(event.key);
  prefix = event.key;
  prefixAt = event.timeStamp;
  if (action) {
    prefix = "";
    event.preventDefault();
    action();
  }
});

/* Escape hides the tip under the pointer or the focus until the next hover or focus. */
function closeTips() {
  document.documentElement.classList.add("tips-off");
  const back = () => document.documentElement.classList.remove("tips-off");
  document.addEventListener("pointermove", back, { once: true });
  document.addEventListener("focusin", back, { once: true });
  for (const menu of document.querySelectorAll("details.menu[open]")) closeMenu(menu);
}

/* A menu that had the focus gives it to its button: what is closed cannot keep it. */
function closeMenu(menu) {
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  menu.open = false;
}

/* In an open menu, arrows move between what can be chosen; Tab does so everywhere. */
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step || isTyping(event)) return;
  const places = [...menu.querySelectorAll("summary, a, button:enabled")].filter((one) => one.checkVisibility());
  const at = places.indexOf(event.target) + step;
  places[(at + places.length) % places.length].focus();
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-opens], [data-closes], [data-copy]");
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || button) menu.open = false;
  }
  if (!button) return;
  if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
  if (button.dataset.closes) document.getElementById(button.dataset.closes).close();
  if (button.dataset.copy !== undefined) copy(button);
});

async function copy(button) {
  const words = button.querySelector("[data-words]") ?? button;
  const before = words.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    words.textContent = button.dataset.done;
    announce(button.dataset.done);
  } catch {
    words.textContent = button.dataset.failed;
    announce(button.dataset.failed);
  }
  setTimeout(() => { words.textContent = before; }, 2000);
}

/* Announces one sentence to screen readers. */
export function announce(sentence) {
  document.getElementById("announcements").textContent = sentence;
}

/* A form is sent once: a second click does nothing, and Enter that ends a conversion (IME) does not send it. */
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || !(field instanceof HTMLInputElement)) return;
  if (event.isComposing || event.keyCode === 229) event.preventDefault();
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-disabled", "true");
});

window.addEventListener("pageshow", () => {        // also when Back restores the page
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

/* A hint that follows what is typed: data-follows names the field, data-prefix is put before its value. */
for (const hint of document.querySelectorAll("[data-follows]")) {
  const field = document.getElementById(hint.dataset.follows);
  const follow = () => { hint.textContent = hint.dataset.prefix + (field.value.trim() || "…"); };
  field.addEventListener("input", follow);
  follow();
}

/* After a form was rejected, its error summary has the focus: it is read, and its links are one Tab away. */
document.querySelector("[data-focus]")?.focus();

const dialog = document.getElementById("keys");
if (dialog) {
  onKey("?", () => dialog.showModal());
  for (const [name, url] of Object.entries(dialog.dataset)) {
    if (name.startsWith("go")) onKey(`g ${name.slice(2).toLowerCase()}`, () => location.assign(url));
  }
  const on = document.getElementById("keys-on");
  on.checked = !keysAreOff();
  on.addEventListener("change", () => {
    try {
      localStorage.setItem(KEYS_OFF, on.checked ? "no" : "yes");
    } catch { /* storage is blocked: the choice lasts as long as the page */ }
  });
}
