"use strict";
// Everything stays in this browser until the reader downloads it.
(() => {
  const find = (id) => document.getElementById(id);
  const study = JSON.parse(find("study").textContent);
  const pictures = new Map(study.items.map((item) => [item.id, item.png]));
  const total = study.items.length;
  const here = `zoo-turing:${study.id}`;
  let state = null;
  let since = 0;

  // A browser may refuse to store anything; then the study works, but for reloads.
  const kept = (key) => {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  };
  const keep = (key, value) => {
    try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* see above */ }
  };

  const keyOf = (reader) => `${here}:${reader.toLowerCase()}`;
  const complete = (answer) => Boolean(answer && answer.answer && answer.realism);
  const current = () => state.order[state.at];
  const answered = () => state.order.filter((id) => complete(state.answers[id])).length;

  function shuffled(ids) {
    const order = [...ids];
    for (let i = order.length - 1; i > 0; i -= 1) {
      const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  function show(name) {
    for (const id of ["intro", "reading", "end"]) find(id).hidden = id !== name;
    window.scrollTo(0, 0);
  }

  function start(reader, role) {
    const stored = kept(keyOf(reader));
    const ours = stored && Array.isArray(stored.order) && stored.order.length === total
      && stored.order.every((id) => pictures.has(id));
    state = ours ? stored : {
      reader, role, order: shuffled(pictures.keys()), answers: {}, at: 0,
      started: new Date().toISOString(), finished: null, dark: false,
    };
    keep(here, reader);
    save();
    if (state.at < total) read(); else end();
  }

  function save() { keep(keyOf(state.reader), state); }

  function bank() {
    if (since && state && state.at < total) {
      const answer = state.answers[current()] ||= { ms: 0 };
      answer.ms += Math.round(performance.now() - since);
    }
    since = 0;
  }

  function read() {
    show("reading");
    const image = find("image");
    image.src = `data:image/png;base64,${pictures.get(current())}`;
    image.alt = `Image ${state.at + 1} of ${total}`;
    find("count").textContent = image.alt;
    fit();
    mark();
    since = document.hidden ? 0 : performance.now();
  }

  // Whole factors only, so that no image is smoothed and all are enlarged alike.
  function fit() {
    const room = find("stage").clientWidth - 24;
    const factor = Math.min(room / study.width, (window.innerHeight * 0.55) / study.height,
      study.largest / Math.max(study.width, study.height));
    const used = factor >= 1 ? Math.floor(factor) : Math.max(factor, 1 / 64);
    find("image").style.width = `${study.width * used}px`;
    find("image").style.height = `${study.height * used}px`;
  }

  function mark() {
    const answer = state.answers[current()] || {};
    for (const button of document.querySelectorAll("[data-answer]")) {
      button.setAttribute("aria-pressed", String(button.dataset.answer === answer.answer));
    }
    for (const button of document.querySelectorAll("[data-realism]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.realism) === answer.realism));
    }
    find("back").disabled = state.at === 0;
    find("next").disabled = !complete(answer);
    find("progress").value = answered();
    find("stage").classList.toggle("dark", state.dark);
    find("dark").setAttribute("aria-pressed", String(state.dark));
  }

  function say(field, value) {
    const answer = state.answers[current()] ||= { ms: 0 };
    const before = complete(answer);
    answer[field] = value;
    save();
    mark();
    if (!before && complete(answer)) move(1);
  }

  function move(by) {
    if (by > 0 && !complete(state.answers[current()])) return;
    bank();
    state.at = Math.min(total, Math.max(0, state.at + by));
    save();
    if (state.at < total) read(); else end();
  }

  function end() {
    bank();
    const count = answered();
    state.finished = count === total ? state.finished || new Date().toISOString() : null;
    save();
    find("done").textContent = `${count} of ${total} images are answered.`;
    show("end");
    find("h-end").focus();
  }

  function answers() {
    const rows = state.order.map((item, order) => ({ item, order, ...state.answers[item] }));
    return {
      format: study.format, study: study.id, reader: state.reader, role: state.role,
      started: state.started, finished: state.finished,
      answers: rows.filter(complete).map(({ item, answer, realism, ms, order }) =>
        ({ item, answer, realism, ms, order })),
    };
  }

  function download() {
    const text = JSON.stringify(answers(), null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `answers-${state.reader.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function toggleDark() { state.dark = !state.dark; save(); mark(); }

  const plain = (text) => text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const reader = plain(find("reader").value);
    if (reader) start(reader, plain(find("role").value));
  });
  for (const button of document.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", () => say("answer", button.dataset.answer));
  }
  for (const button of document.querySelectorAll("[data-realism]")) {
    button.addEventListener("click", () => say("realism", Number(button.dataset.realism)));
  }
  find("back").addEventListener("click", () => move(-1));
  find("next").addEventListener("click", () => move(1));
  find("stop").addEventListener("click", end);
  find("dark").addEventListener("click", toggleDark);
  find("download").addEventListener("click", download);
  find("again").addEventListener("click", () => {
    state.at = Math.min(state.at, total - 1);
    save();
    read();
  });
  find("other").addEventListener("click", () => {
    keep(here, null);
    state = null;
    find("form").reset();
    show("intro");
    find("reader").focus();
  });

  document.addEventListener("keydown", (event) => {
    if (find("reading").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) {
      return;
    }
    const key = event.key.toLowerCase();
    const acts = {
      r: () => say("answer", "real"), arrowleft: () => say("answer", "real"),
      g: () => say("answer", "generated"), arrowright: () => say("answer", "generated"),
      backspace: () => move(-1), n: () => move(1), d: toggleDark,
    };
    const act = /^[1-5]$/.test(key) ? () => say("realism", Number(key)) : acts[key];
    if (act) { event.preventDefault(); act(); }
  });
  window.addEventListener("resize", () => { if (!find("reading").hidden) fit(); });
  document.addEventListener("visibilitychange", () => {
    if (!state || find("reading").hidden) return;
    if (document.hidden) { bank(); save(); } else { since = performance.now(); }
  });
  window.addEventListener("pagehide", () => { if (state) { bank(); save(); } });

  const last = kept(here);
  if (typeof last === "string" && kept(keyOf(last))) start(last, ""); else show("intro");
})();
