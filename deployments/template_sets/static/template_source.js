/* The form of a template set: fields that are not for the chosen kind of source are hidden. */

const kind = document.getElementById("id_kind");
const fields = [...document.querySelectorAll("[data-kinds]")];

function show() {
  for (const field of fields) {
    const wanted = field.dataset.kinds.split(" ").includes(kind.value);
    // What was typed or refused stays visible.
    const untouched = field.value === field.defaultValue && !field.hasAttribute("aria-invalid");
    field.closest(".field").hidden = !wanted && untouched;
  }
}

if (kind) {
  kind.addEventListener("change", show);
  show();
}
