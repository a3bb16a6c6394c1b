/* A notification at the end of a deployment, for who asked for one. The browser is asked on that click only. */

import { announce } from "../portal/page.js";

const words = document.getElementById("live-words");
let key = "";
let isActive = false;
let button = null;

export function start(pk, active) {
  key = `sanso.notify.${pk}`;
  isActive = active;
  if (!active) return forget();
  if (!("Notification" in window) || !window.isSecureContext) return;
  button = words.content.querySelector("#notify").cloneNode(true);
  document.getElementById("fresh").before(button);
  button.addEventListener("click", () => (isWanted() ? refuse() : ask()));
  tell();
}

/* Looks whether a frame tells of the end, and says it once. */
export function told(frame, active) {
  if (!isActive || active) return;
  isActive = false;
  const wanted = isWanted();
  forget();
  button?.remove();
  if (!wanted) return;
  const shown = new Notification(frame.title, {
    body: frame.say.at(-1) ?? "", tag: key, icon: document.querySelector('link[rel="icon"]').href,
  });
  shown.addEventListener("click", () => { window.focus(); shown.close(); });
}

async function ask() {
  if (Notification.permission === "default") await Notification.requestPermission();
  if (Notification.permission !== "granted") return announce(button.dataset.denied);
  keep("yes");
  announce(button.dataset.on);
  tell();
}

function refuse() {
  forget();
  tell();
}

function tell() {
  button.setAttribute("aria-pressed", isWanted());
}

function isWanted() {
  try {
    return localStorage.getItem(key) === "yes" && Notification.permission === "granted";
  } catch {
    return false;
  }
}

function keep(value) {
  try {
    localStorage.setItem(key, value);
  } catch { /* storage is blocked: there is nothing to remember it by */ }
}

function forget() {
  try {
    localStorage.removeItem(key);
  } catch { /* storage is blocked */ }
}
