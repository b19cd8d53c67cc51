// What every page does with script: local times, theme, menu, copying, questions. Pages work without it.
"use strict";
(() => {
  const root = document.documentElement;

  // -- moments: UTC from the server, the reader's own zone here --------------------------------------------------
  const language = root.lang === "en" ? "en-GB" : root.lang; // 24 hours, day before month
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const ago = (date) => {
    const seconds = (date - Date.now()) / 1000;
    if (Math.abs(seconds) > 30 * 86400) return day.format(date);
    const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) || steps[3];
    return relative.format(Math.round(seconds / size), unit);
  };
  const tellTimes = (within) => {
    for (const element of within.querySelectorAll("time[datetime]")) {
      const date = new Date(element.dateTime), style = element.dataset.style;
      const words = style === "relative" ? ago(date) : style === "day" ? day.format(date) : full.format(date);
      if (element.textContent !== words) element.textContent = words;
      element.title = full.format(date);
    }
  };

  // -- theme: the system's until the button was pressed ------------------------------------------------------------
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.bsTheme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const markTheme = () => root.classList.toggle("is-dark", dark());
  const toggleTheme = () => {
    root.dataset.bsTheme = dark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.bsTheme}; path=/; max-age=31536000; samesite=lax`;
    markTheme();
    document.dispatchEvent(new Event("theme"));
  };
  prefersDark.addEventListener("change", () => { markTheme(); document.dispatchEvent(new Event("theme")); });

  // -- buttons ----------------------------------------------------------------------------------------------------
  const copy = async (button) => {
    const word = button.querySelector(".copy-word"), before = word.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      word.textContent = "Copied";
    } catch {
      word.textContent = "Press Ctrl+C";
      const field = button.parentElement.querySelector("code");
      if (field) getSelection().selectAllChildren(field);
    }
    button.classList.add("copied");
    setTimeout(() => { word.textContent = before; button.classList.remove("copied"); }, 1600);
  };
  const toggleMenu = (button) => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    root.classList.toggle("menu-open", open);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("copy" in button.dataset) copy(button);
    if ("themeToggle" in button.dataset) toggleTheme();
    if ("menu" in button.dataset) toggleMenu(button);
  });
  document.addEventListener("keydown", (event) => {
    const button = document.querySelector("[data-menu][aria-expanded=true]");
    if (event.key === "Escape" && button) { toggleMenu(button); button.focus(); }
    if (event.key === "/" && !event.target.closest("input, textarea, select, [contenteditable]")) {
      const field = document.querySelector("input[type=search]");
      if (field) { event.preventDefault(); field.focus(); }
    }
  });
  document.addEventListener("change", (event) => {
    if ("submit" in event.target.dataset) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
    if ("once" in event.target.dataset && !event.defaultPrevented) {
      if (event.target.dataset.once === "sent") event.preventDefault(); // pressed twice
      event.target.dataset.once = "sent";
      setTimeout(() => { event.target.dataset.once = ""; }, 3000);
    }
  });

  // -- what htmx replaced ------------------------------------------------------------------------------------------
  const refresh = () => tellTimes(document);
  document.addEventListener("htmx:after:swap", refresh);
  setInterval(refresh, 15000);
  markTheme();
  refresh();
})();
