// The segment builder: what somebody types while the answer to another field is on its way stays, and is counted.
"use strict";
(() => {
  let typed = null;
  const fields = () => document.querySelectorAll("#builder input:not([type=hidden])");
  document.addEventListener("change", (event) => { if (event.target.matches("#builder select")) typed = new Map(); });
  document.addEventListener("click", (event) => { if (event.target.closest("#builder button[name=do]")) typed = null; }); // rows move
  document.addEventListener("htmx:before:swap", () => {
    if (typed) for (const field of fields()) typed.set(field.id, field.value);
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!typed || !typed.size) return;
    for (const field of fields()) {
      if (!typed.has(field.id) || typed.get(field.id) === field.value) continue;
      field.value = typed.get(field.id);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    typed = null;
  });
})();
