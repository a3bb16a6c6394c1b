/* A notification at the end of a deployment, for users who want one. The browser's permission is requested on that
   click only. */

import { announce } from "../portal/page.js";

const labels = document.getElementById("live-words");
let key = "";
let isActive = false;
let button = null;

export function start(pk, active) {
  key = `sanso.notify.${pk}`;
  isActive = active;
  if (!active) return forget();
  if (!("Notification" in window) || !window.isSecureContext) return;
  button = labels.content.querySelector("#notify").cloneNode(true);
  document.getElementById("fresh").before(button);
  button.addEventListener("click", () => (isWanted() ? unsubscribe() : subscribe()));
  showState();
}

/* Shows the notification once, when a frame ends the deployment. */
export function checkEnd(frame, active) {
  if (!isActive || active) return;
  isActive = false;
  const wanted = isWanted();
  forget();
  button?.remove();
  if (!wanted) return;
  const notification = new Notification(frame.title, {
    body: frame.announcements.at(-1) ?? "", tag: key, icon: document.querySelector('link[rel="icon"]').href,
  });
  notification.addEventListener("click", () => { window.focus(); notification.close(); });
}

async function subscribe() {
  if (Notification.permission === "default") await Notification.requestPermission();
  if (Notification.permission !== "granted") return announce(button.dataset.denied);
  keep("yes");
  announce(button.dataset.on);
  showState();
}

function unsubscribe() {
  forget();
  showState();
}

function showState() {
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
  } catch { /* storage is blocked */ }
}

function forget() {
  try {
    localStorage.removeItem(key);
  } catch { /* storage is blocked */ }
}
