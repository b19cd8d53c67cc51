// Draws time curves with uPlot from the tables beside them: the table is the one source, also for those who read it.
"use strict";
(() => {
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const second = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const drawn = new Map(); // element -> its chart and what it was drawn from
  const state = { mode: "total" };
  const resolved = (name) => {
    const probe = document.createElement("i");
    probe.className = `probe-${name}`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };
  const faint = (colour, share) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);

  const read = (table) => {
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const rows = [...table.tBodies[0].rows];
    const at = rows.map((row) => Number(row.dataset.at));
    const steps = heads.map((_, i) => rows.map((row) => Number(row.cells[i + 1].textContent)));
    return { labels: heads.map((head) => head.textContent), tones: heads.map((head) => head.dataset.tone), at, steps };
  };
  const shown = ({ at, steps }) => {
    if (state.mode === "step") return [at, ...steps];
    const totals = steps.map((values) => { let sum = 0; return values.map((value) => (sum += value)); });
    return [at, ...totals];
  };

  // Hours and minutes; seconds where steps are that short; the day where it changes.
  const hours = (_, moments) => moments.map((moment, i) => {
    const words = (moments[1] - moments[0] < 60 ? second : clock).format(moment * 1000);
    const changed = i === 0 || day.format(moments[i - 1] * 1000) !== day.format(moment * 1000);
    return changed ? `${words}\n${day.format(moment * 1000)}` : words;
  });

  const make = (element, data) => {
    const ink = resolved("ink"), rule = resolved("rule");
    const number = new Intl.NumberFormat(language);
    const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { show: false }, font: "12px Inter, system-ui, sans-serif" };
    const series = data.labels.map((label, i) => {
      const colour = resolved(data.tones[i]);
      return { label, stroke: colour, width: 2, fill: faint(colour, 0.09), points: { show: data.at.length < 3 }, value: (_, v) => (v == null ? "–" : number.format(v)) };
    });
    const options = {
      width: element.clientWidth, height: element.clientWidth < 480 ? 220 : 320, cursor: { y: false, points: { size: 7 } },
      legend: { live: true }, scales: { y: { range: (_, low, high) => [0, Math.max(4, high * 1.06)] } },
      axes: [{ ...axis, grid: { show: false }, space: 70, values: hours }, { ...axis, size: 56, values: (_, values) => values.map((v) => (Number.isInteger(v) ? number.format(v) : "")) }],
      series: [{ value: (_, v) => (v == null ? "" : full.format(v * 1000)) }, ...series],
    };
    element.replaceChildren();
    return new uPlot(options, shown(data), element);
  };

  const draw = (force) => {
    for (const [element, entry] of drawn) if (!element.isConnected) { entry.chart.destroy(); drawn.delete(element); }
    for (const element of document.querySelectorAll("[data-chart]")) {
      const table = document.getElementById(element.dataset.chart);
      if (!table || !element.clientWidth) continue;
      const data = read(table), key = JSON.stringify([data.at, data.steps, state.mode, element.clientWidth]);
      const entry = drawn.get(element);
      if (entry && entry.key === key && !force) continue;
      if (entry && !force && entry.width === element.clientWidth) { entry.chart.setData(shown(data)); entry.key = key; continue; }
      if (entry) entry.chart.destroy();
      drawn.set(element, { chart: make(element, data), key, width: element.clientWidth });
    }
    for (const control of document.querySelectorAll("[data-curve-switch]")) control.hidden = false;
    for (const button of document.querySelectorAll("[data-curve]")) button.setAttribute("aria-pressed", String(button.dataset.curve === state.mode));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-curve]");
    if (button) { state.mode = button.dataset.curve; draw(); }
  });
  document.addEventListener("htmx:after:swap", () => draw());
  document.addEventListener("theme", () => draw(true));
  new ResizeObserver(() => draw()).observe(document.body);
  draw();
})();
