// Fields with code (data-code names a select with the format) become a code editor (Ace); the field stays what is sent.
"use strict";
(() => {
  if (!window.ace) return;
  ace.config.set("useStrictCSP", true); // its styles come as a file of ours
  for (const field of document.querySelectorAll("textarea[data-code]:not(:disabled)")) {
    const place = document.createElement("div"), format = document.getElementById(field.dataset.code);
    place.className = "code-editor";
    field.after(place);
    const editor = ace.edit(place, {
      value: field.value, useWorker: false, showPrintMargin: false, displayIndentGuides: false, showFoldWidgets: false, wrap: true, minLines: 14,
      maxLines: 40, fontSize: 14, tabSize: 2, useSoftTabs: true, showGutter: true, highlightActiveLine: false, enableKeyboardAccessibility: true,
      textInputAriaLabel: field.labels.length ? field.labels[0].textContent : "",
    });
    editor.session.on("change", () => { field.value = editor.getValue(); field.dispatchEvent(new Event("input", { bubbles: true })); });
    const show = () => {
      const code = !format || format.value !== "markdown";
      if (code) { editor.session.setMode("ace/mode/html"); editor.session.setUseWorker(false); if (editor.getValue() !== field.value) editor.setValue(field.value, -1); }
      place.hidden = !code;
      field.classList.toggle("code-behind", code);
      field.required = !code;
      field.tabIndex = code ? -1 : 0;
    };
    if (format) format.addEventListener("change", show);
    for (const label of field.labels) label.addEventListener("click", (event) => { if (!place.hidden) { event.preventDefault(); editor.focus(); } });
    show();
  }
})();
