/* "Search or jump to": Ctrl K opens it, the arrow keys choose among what the server found, Enter opens the page. */

import { optionList } from "./options.js";
import { announce } from "./page.js";

const WAIT_MS = 120;
const dialog = document.getElementById("jump");

if (dialog) {
  const field = document.getElementById("jump-text");
  const list = document.getElementById("jump-options");
  const status = document.getElementById("jump-status");
  const { options, choose, chosen, move } = optionList(field, list);
  let asked = null;
  let timer = 0;

  async function search() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    list.setAttribute("aria-busy", "true");
    try {
      const url = new URL(dialog.dataset.url, location.href);
      url.searchParams.set("q", field.value);
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, signal });
      if (new URL(answer.url).pathname !== url.pathname) return location.reload();   // the session has ended
      if (!answer.ok) throw new Error(answer.statusText);
      const text = await answer.text();
      if (signal.aborted) return;
      list.innerHTML = text;
      status.textContent = "";
      choose(options()[0]);
      announce(list.querySelector("[data-none]")?.textContent.trim() ?? dialog.dataset.found.replace("0", options().length));
    } catch (error) {
      if (error.name === "AbortError") return;
      list.replaceChildren();
      choose(null);
      status.textContent = dialog.dataset.failed;
      announce(dialog.dataset.failed);
    }
    list.removeAttribute("aria-busy");
  }

  function open() {
    if (document.querySelector("dialog[open]")) return;
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    dialog.showModal();
    field.select();
    search();
  }

  document.getElementById("jump-link")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;   // another tab was asked for
    event.preventDefault();
    open();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || event.ctrlKey === event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });

  dialog.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (move(event.key)) event.preventDefault();
  });

  dialog.querySelector("form").addEventListener("submit", (event) => {
    const option = list.getAttribute("aria-busy") ? null : chosen();
    if (!option) return;                             // the page of results opens
    event.preventDefault();
    location.assign(option.href);
  });

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();     // the backdrop
  });
}
