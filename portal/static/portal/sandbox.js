/* The sandbox's page: a machine's log is fetched each time it is opened; a confirmation closes with Escape, or by a
   click elsewhere. */

function closeConfirmation() {
  const open = document.querySelector("details.confirm[open]");
  if (open) open.open = false;
  return open;
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest("details.confirm")) closeConfirmation();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeConfirmation()?.querySelector("summary").focus();
});

document.getElementById("sandbox").addEventListener("toggle", async ({ target }) => {
  if (!target.open || !target.matches("details[data-from]")) return;
  const place = target.querySelector(".text");
  try {
    const answer = await fetch(target.dataset.from, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    place.innerHTML = await answer.text();            // of our own server, escaped there
  } catch {
    place.textContent = target.dataset.failed;
  }
}, true);
