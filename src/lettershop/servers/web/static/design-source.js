// MJML between the server and the designer. Going in, what the designer cannot show (tables, accordions, raw pieces, the
// head, tags of the template language between elements) is put into boxes that it moves but does not open; coming back,
// every box is what it was. Tags of the template language within words and attributes stay as they are written.
"use strict";
(() => {
  const TAG = /\{\{[^]*?\}\}|\{%[^]*?%\}|\{#[^]*?#\}/g;
  const ELEMENT = /<!--[^]*?-->|<(\/?)([a-zA-Z][\w:-]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>/g;
  const BOXED = new Set(["mj-table", "mj-accordion", "mj-carousel", "mj-raw", "mj-include", "mj-head"]);
  const HOUSES = new Set(["mjml", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero", "mj-navbar", "mj-social"]);
  const VOID = new Set(["br", "hr", "img", "input", "wbr", "col", "area", "link", "meta"]);
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  const box = (source) => `<ls-box data-source="${escaped(source)}"></ls-box>`;

  const into = (source) => {
    const tags = [];
    const text = source.replace(TAG, (tag) => `\ue000${tags.push(tag) - 1}\ue001`);
    const back = (part) => part.replace(/\ue000(\d+)\ue001/g, (_, n) => tags[n]);
    const shown = (part) => part.replace(/\ue000(\d+)\ue001/g, (_, n) => escaped(tags[n]));
    const open = [];
    let out = "", head = "", last = 0, boxed = null, depth = 0;
    const house = () => !open.length || HOUSES.has(open[open.length - 1]);
    const between = (part) => { out += house() && part.trim() && open.length ? box(back(part.trim())) : shown(part); };
    for (const match of text.matchAll(ELEMENT)) {
      const [whole, closing, name = "", rest = ""] = match, low = name.toLowerCase(), alone = rest.trimEnd().endsWith("/");
      if (boxed) {
        if (low === boxed.name && !alone) depth += closing ? -1 : 1;
        if (depth) continue;
        const inside = back(text.slice(boxed.from, match.index + whole.length));
        if (boxed.name === "mj-head") head += inside; else out += box(inside);
        boxed = null;
        last = match.index + whole.length;
        continue;
      }
      between(text.slice(last, match.index));
      last = match.index + whole.length;
      if (!name) { if (open.length) out += house() ? box(back(whole)) : shown(whole); continue; }
      if (BOXED.has(low) && !closing) {
        if (alone) { if (low === "mj-head") head += back(whole); else out += box(back(whole)); continue; }
        boxed = { name: low, from: match.index };
        depth = 1;
        continue;
      }
      if (closing) { if (open[open.length - 1] === low) open.pop(); out += shown(whole); continue; }
      const given = alone ? rest.trimEnd().slice(0, -1) : rest;
      const start = `<${name}${given}${low === "mj-image" && !/\ssrc\s*=/i.test(given) ? ` src="${GREY}"` : ""}`;
      if (alone && !VOID.has(low)) { out += shown(`${start}></${name}>`); continue; }
      if (!VOID.has(low)) open.push(low);
      out += shown(alone ? whole : `${start}>`);
    }
    out += shown(text.slice(last));
    return { mjml: out.trim(), head };
  };

  const GREY = "data:image/svg+xml," + encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300"><rect width="600" height="300" fill="#d8d3c8"/></svg>');
  const NO_PICTURE = /^\s*(<svg|data:image\/svg)/; // what stands on the canvas until a picture is chosen
  const attributes = (values) => Object.entries(values)
    .filter(([name, value]) => value !== undefined && value !== "" && value !== null && !(name === "src" && NO_PICTURE.test(value)))
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`).join("");
  const written = (component) => {
    if (component.get("type") === "ls-box") return component.get("source");
    const name = component.get("tagName") || "";
    if (!/^mj/i.test(name)) return component.toHTML();
    const inner = component.components().map(written).join(HOUSES.has(name) ? "\n" : "");
    const content = component.get("content") || "";
    return `<${name}${attributes(component.getAttrToHTML())}>${HOUSES.has(name) ? "\n" : ""}${content}${inner}${HOUSES.has(name) ? "\n" : ""}</${name}>`;
  };
  const plain = (tag) => {
    const area = document.createElement("textarea");
    area.innerHTML = tag.replace(/&nbsp;|\u00a0/g, " "); // text only: nothing in it becomes an element
    return area.value;
  };
  const outOf = (wrapper, head) => {
    const source = wrapper.components().map(written).join("\n").replace(TAG, plain);
    return head ? source.replace(/<mjml([^>]*)>/, (start) => `${start}\n${head}`) : source;
  };
  window.designSource = { into, outOf, GREY };
})();
