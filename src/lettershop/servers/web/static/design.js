// The designer: GrapesJS with MJML in our own frame. The field with the MJML stays the one thing that is sent.
"use strict";
(async () => {
  const place = document.querySelector("#designer"), field = document.querySelector("#mjml"), form = document.querySelector("#design");
  const state = document.querySelector(".design-state"), trouble = document.querySelector("#design-error");
  const german = document.documentElement.lang === "de";
  const names = { body: "Nachricht", button: "Schaltfläche", column: "Spalte", oneColumn: "1 Spalte", twoColumn: "2 Spalten", threeColumn: "3 Spalten", divider: "Trennlinie", group: "Gruppe", hero: "Titelbild", image: "Bild", navBar: "Navigation", navLink: "Navigationslink", section: "Abschnitt", socialGroup: "Soziale Netze", socialElement: "Soziales Netz", spacer: "Abstand", text: "Text", wrapper: "Rahmen", raw: "Roh" };
  const messages = german ? { de: { ...(await import(place.dataset.german)).default, "grapesjs-mjml": { components: { names } } } } : {};
  const picturesOnly = place.dataset.pictures;
  place.hidden = false;
  form.hidden = true;

  const boxes = (editor) => editor.Components.addType("ls-box", {
    isComponent: (element) => element.tagName === "LS-BOX" && { type: "ls-box", source: element.dataset.source },
    model: { defaults: { tagName: "ls-box", source: "", droppable: false, editable: false, stylable: false, traits: [], draggable: "[data-gjs-type=mj-body], [data-gjs-type=mj-column], [data-gjs-type=mj-section], [data-gjs-type=mj-wrapper]" } },
    view: {
      onRender() {
        this.el.textContent = this.model.get("source").replace(/\s+/g, " ").slice(0, 80);
        this.el.setAttribute("style", "display:block;margin:4px auto;padding:4px 8px;max-width:600px;box-sizing:border-box;background:#f6efd8;color:#5c4400;font:12px/1.5 ui-monospace,monospace;overflow-wrap:anywhere");
      },
    },
  });
  const editor = grapesjs.init({
    container: "#canvas", height: "100%", width: "auto", storageManager: false, telemetry: false, cssIcons: "", noticeOnUnload: false,
    panels: { defaults: [] }, showDevices: false, showOffsets: false,
    i18n: { locale: german ? "de" : "en", detectLocale: false, messagesAdd: messages },
    blockManager: { appendTo: "#blocks" }, styleManager: { appendTo: "#styles" }, traitManager: { appendTo: "#traits" }, selectorManager: { componentFirst: true, appendTo: "#traits" },
    assetManager: { assets: JSON.parse(picturesOnly), upload: place.dataset.upload, uploadName: "files", headers: { "x-csrf-token": place.dataset.csrf, accept: "application/json" }, credentials: "same-origin", autoAdd: true, showUrlInput: false, embedAsBase64: false },
    plugins: [boxes, "grapesjs-mjml"],
    pluginsOpts: { "grapesjs-mjml": { imagePlaceholderSrc: designSource.GREY, useCustomTheme: false, resetDevices: false, blocks: ["mj-1-column", "mj-2-columns", "mj-3-columns", "mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-social-group", "mj-hero", "mj-wrapper"] } },
  });

  // -- in and out ----------------------------------------------------------------------------------------------------
  let head = "", loading = true;
  const show = () => {
    loading = true;
    const source = designSource.into(field.value);
    head = source.head;
    editor.setComponents(source.mjml);
    editor.UndoManager.clear();
    setTimeout(() => { loading = false; });
  };
  const write = () => { if (!place.classList.contains("shows-code")) field.value = designSource.outOf(editor.getWrapper(), head); };
  const unsaved = () => { if (!loading) { state.textContent = state.dataset.unsaved; place.dataset.unsaved = "yes"; } };
  const saved = () => { state.textContent = state.dataset.saved; delete place.dataset.unsaved; };
  editor.on("asset:upload:error", (told) => {
    let words = String(told);
    try { words = JSON.parse(told).error; } catch { /* no words of ours */ }
    editor.Modal.close();
    fail(words);
  });
  editor.on("load", show);
  editor.on("update", unsaved);
  field.addEventListener("input", unsaved);
  addEventListener("beforeunload", (event) => { if (place.dataset.unsaved) event.preventDefault(); });

  // -- saved without leaving ------------------------------------------------------------------------------------------
  const fail = (words) => { trouble.textContent = words || state.dataset.failed; trouble.hidden = false; state.textContent = ""; };
  const send = async () => {
    trouble.hidden = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { accept: "application/json" } });
      const told = await answer.json();
      if (answer.ok) saved(); else fail(told.error);
      return answer.ok;
    } catch {
      fail("");
      return false;
    }
  };
  form.addEventListener("submit", async (event) => {
    write();
    event.preventDefault();
    const further = event.submitter && event.submitter.value === "edit";
    if (await send() && further) location.href = form.action.replace(/design$/, "edit?done=saved");
  });

  // -- our own buttons --------------------------------------------------------------------------------------------------
  for (const button of place.querySelectorAll("[data-do]")) button.addEventListener("click", () => editor.runCommand(button.dataset.do));
  editor.Devices.remove("tablet");
  const devices = place.querySelectorAll("[data-device]");
  for (const button of devices) button.addEventListener("click", () => {
    editor.Devices.select(button.dataset.device === "Desktop" ? "desktop" : "mobilePortrait");
    for (const one of devices) one.setAttribute("aria-pressed", String(one === button));
  });
  document.querySelector("#show-code").addEventListener("click", (event) => {
    const shows = !place.classList.contains("shows-code");
    if (shows) write();
    place.classList.toggle("shows-code", shows);
    form.hidden = !shows;
    event.currentTarget.setAttribute("aria-pressed", String(shows));
    if (!shows) show();
  });

  // -- a personal word goes where the cursor is, or behind the words of what is chosen -------------------------------------
  const personal = document.querySelector("#personal");
  personal.addEventListener("change", () => {
    const word = personal.value, chosen = editor.getSelected(), view = chosen && chosen.view;
    personal.value = "";
    if (!word || !chosen) return;
    const name = chosen.get("tagName");
    if (view && view.activeRte) { view.activeRte.insertHTML(word); return; }
    if (name === "mj-text" || name === "mj-button") chosen.append(`<span>${word.replace(/</g, "&lt;")}</span>`);
  });

  // -- blocks by keyboard and by a press: behind what is chosen (WCAG 2.5.7: nothing needs dragging) ------------------------
  const add = (block) => {
    const content = block.get("content"), column = String(typeof content === "string" ? content : "").trim();
    const whole = /^<mj-(section|hero|wrapper)/.test(column), body = editor.getWrapper().find("mj-body")[0];
    const chosen = editor.getSelected();
    const up = (test) => { let one = chosen; while (one && !test(one.get("tagName"))) one = one.parent(); return one; };
    if (whole) {
      const behind = up((name) => ["mj-section", "mj-hero", "mj-wrapper"].includes(name));
      const at = behind && behind.parent() === body ? behind.index() + 1 : Math.max(0, body.components().length - 1);
      editor.select(body.append(content, { at })[0]);
      return;
    }
    const house = up((name) => name === "mj-column") || editor.getWrapper().find("mj-column")[0];
    if (!house) return;
    const inside = up((name) => /^mj-/.test(name) && name !== "mj-column"), own = inside && inside.parent() === house;
    editor.select(house.append(content, own ? { at: inside.index() + 1 } : {})[0]);
  };
  const byTheKeyboard = () => {
    for (const element of document.querySelectorAll(".gjs-block:not([role])")) {
      element.setAttribute("role", "button");
      element.tabIndex = 0;
      const block = () => editor.Blocks.getAll().find((one) => one.get("label") && element.textContent.trim() === plainText(one.get("label")));
      const press = () => { const found = block(); if (found) add(found); };
      element.addEventListener("click", press);
      element.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); } });
    }
  };
  const plainText = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.trim();

  // -- names for readers of the screen that the editor does not give ---------------------------------------------------------
  const named = () => {
    byTheKeyboard();
    for (const input of document.querySelectorAll("#styles :is(input, select):not([aria-label]), #traits :is(input, select):not([aria-label])")) {
      const holder = input.closest(".gjs-sm-property, .gjs-trt-trait"), label = holder && holder.querySelector(".gjs-sm-label, .gjs-label");
      const wide = holder && holder.parentElement.closest(".gjs-sm-property");
      const words = [wide && wide.querySelector(".gjs-sm-label"), label].filter(Boolean).map((one) => one.textContent.trim()).join(" ");
      input.setAttribute("aria-label", words + (input.matches(".gjs-input-unit") ? " (unit)" : "") || "value");
    }
    for (const frame of document.querySelectorAll("#canvas iframe:not([title])")) frame.title = document.querySelector("#canvas").dataset.title;
    document.querySelector("#nothing-chosen").hidden = Boolean(editor.getSelected());
  };
  new MutationObserver(named).observe(place, { childList: true, subtree: true });
  editor.on("component:selected", (component) => component.removeTrait(["id", "title"]));
  editor.on("component:selected component:deselected", named);
  named();
  window.designer = editor;
})();
