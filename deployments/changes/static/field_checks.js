/* A field that was changed is checked by the server when it is left; its errors stand below it, as after Deploy. */

import { announce } from "../portal/page.js";

export function checkLeftFields(form) {
  const asked = new Map();
  const before = new Map();

  form.addEventListener("focusin", ({ target }) => { if (target.name) before.set(target.name, target.value); });
  form.addEventListener("focusout", ({ target: field }) => {
    if (!field.id.startsWith("id_") || field.value === (before.get(field.name) ?? field.defaultValue)) return;
    check(field);
  });

  async function check(field) {
    asked.get(field.name)?.abort();
    const controller = new AbortController();
    asked.set(field.name, controller);
    const body = new FormData(form);
    for (const secret of form.querySelectorAll("[type=password]")) if (secret !== field) body.delete(secret.name);
    body.set("left", field.name);
    try {
      const answer = await fetch(form.dataset.check, { method: "POST", body, signal: controller.signal });
      if (!answer.ok || answer.redirected) return;     // Deploy checks everything again
      show(field, (await answer.json()).errors);
    } catch { /* lost or replaced: Deploy checks everything again */ }
  }
}

function show(field, errors) {
  const id = `${field.id}_error`;
  document.getElementById(id)?.remove();
  const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
  field.toggleAttribute("aria-invalid", false);
  if (errors.length) {
    const list = document.createElement("ul");
    list.className = "errors";
    list.id = id;
    list.append(...errors.map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })));
    (field.closest(".combobox") ?? field).after(list);
    field.setAttribute("aria-invalid", "true");
    described.unshift(id);
    announce(errors.join(" "));
  }
  if (described.length) field.setAttribute("aria-describedby", described.join(" "));
  else field.removeAttribute("aria-describedby");
}
