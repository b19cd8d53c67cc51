// Work for a form (marketing/proof.py): finds a number so that SHA-256("CHALLENGE:NUMBER") begins with zero bits.
// Begins when somebody types; the form waits for it. Without this file the form goes all the same.
"use strict";
(() => {
  const form = document.querySelector("form[data-challenge]");
  if (!form || !form.dataset.challenge) return;
  const field = form.querySelector('input[name="proof"]'), bits = Number(form.dataset.bits), words = form.dataset.challenge + ":";
  const K = [], H = []; // FIPS 180-4 4.2.2, 5.3.3: fractional parts of the roots of primes
  for (let n = 2; K.length < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (H.length < 8) H.push((Math.sqrt(n) % 1) * 4294967296 | 0);
    K.push((Math.cbrt(n) % 1) * 4294967296 | 0);
  }
  const w = new Int32Array(64);
  const right = (x, n) => (x >>> n) | (x << (32 - n));
  const block = (state, bytes, at) => {
    for (let i = 0; i < 16; i++) w[i] = bytes[at + 4 * i] << 24 | bytes[at + 4 * i + 1] << 16 | bytes[at + 4 * i + 2] << 8 | bytes[at + 4 * i + 3];
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15], b = w[i - 2];
      w[i] = (w[i - 16] + (right(a, 7) ^ right(a, 18) ^ (a >>> 3)) + w[i - 7] + (right(b, 17) ^ right(b, 19) ^ (b >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = ((right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    return [a, b, c, d, e, f, g, h].map((x, i) => (x + state[i]) | 0);
  };
  const zeros = (text) => { // leading zero bits of the digest's first 32; more than that nobody asks for
    const size = (Math.floor((text.length + 8) / 64) + 1) * 64, bytes = new Uint8Array(size);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    bytes[text.length] = 128;
    new DataView(bytes.buffer).setUint32(size - 4, text.length * 8);
    let state = H;
    for (let at = 0; at < size; at += 64) state = block(state, bytes, at);
    return Math.clz32(state[0]);
  };
  let number = 0, begun = false, wanted = false;
  const work = () => {
    for (const end = performance.now() + 15; performance.now() < end; number++) {
      if (zeros(words + number) < bits) continue;
      field.value = words + number;
      if (wanted) form.requestSubmit();
      return;
    }
    setTimeout(work, 0);
  };
  const begin = () => { if (!begun) { begun = true; work(); } };
  form.addEventListener("input", begin);
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault();
    wanted = true;
    begin();
  });
})();
