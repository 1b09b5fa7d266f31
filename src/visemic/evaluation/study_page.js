// A study's page: shows one task after another, keeps every answer in the browser until the
// server has it, and offers the answers as a file when there is no server.
"use strict";
const plan = JSON.parse(document.getElementById("plan").textContent);
const message = document.getElementById("message");
const say = (text) => { message.textContent = text; };
const memory = {
  get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* private window */ } },
};
const make = (name, options = {}, ...children) => {
  const element = Object.assign(document.createElement(name), options);
  element.append(...children);
  return element;
};

// A clip that is paused before it has begun rejects its start; that is no error here.
const start = (video) => video.play().catch(() => {});

async function post(path, data) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data),
  });
  if (!answer.ok) throw Object.assign(new Error(await answer.text()), { status: answer.status });
  return answer.json();
}

// ---- first page ----
function index() {
  document.getElementById("begin").addEventListener("submit", async (event) => {
    event.preventDefault();
    const sound = new FormData(event.target).get("sound");
    let begun;
    try {
      begun = await post("begin", { sound });
    } catch {
      const bytes = crypto.getRandomValues(new Uint8Array(8));
      const participant = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
      begun = { participant, session: Math.floor(Math.random() * plan.sessions), local: true };
    }
    const page = `session-${String(begun.session + 1).padStart(4, "0")}.html`;
    const where = new URLSearchParams({ p: begun.participant, sound });
    if (begun.local) where.set("local", "1");
    location.href = `${page}?${where}`;
  });
}

// ---- tasks ----
function session() {
  const where = new URLSearchParams(location.search);
  const participant = where.get("p") || "0000000000000000";
  const sound = where.get("sound") === "off" ? "off" : "on";
  const isLocal = where.has("local");
  const key = `study-${participant}-${plan.session}`;
  const answers = memory.get(key) || [];
  const task = document.getElementById("task");
  let onKey = () => {};
  document.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.altKey && !event.metaKey) onKey(event);
  });

  // The same knockout as in study.next_match: neighbours meet, who has no partner goes on.
  function nextMatch(trial, winners) {
    let round = trial.clips, at = 0;
    while (round.length > 1) {
      const following = [];
      for (let first = 0; first + 1 < round.length; first += 2) {
        const pair = [round[first], round[first + 1]];
        if (at === winners.length) return trial.flips[at] ? pair.reverse() : pair;
        following.push(winners[at++]);
      }
      round = following.concat(round.slice(round.length - (round.length % 2)));
    }
    return null;
  }

  function upcoming() {
    for (const trial of plan.trials) {
      const mine = answers.filter((a) => a.trial === trial.id);
      if (plan.kind !== "pairwise") {
        if (mine.length === 0) return { trial, match: 0, clips: trial.clips };
        continue;
      }
      const pair = nextMatch(trial, mine.map((a) => a.choice));
      if (pair) return { trial, match: mine.length, clips: pair };
    }
    return null;
  }

  const total = plan.trials.reduce((n, t) => n + Math.max(1, plan.kind === "pairwise" ? t.clips.length - 1 : 1), 0);

  async function send() {
    if (isLocal) return true;
    for (const answer of answers.filter((a) => !a.sent)) {
      try {
        const { sent, ...plain } = answer;
        await post("answer", plain);
        answer.sent = true;
        memory.set(key, answers);
      } catch (error) {
        say(error.status ? `The server refused an answer: ${error.message}` : "The server cannot be reached; your answers are kept and sent again.");
        return false;
      }
    }
    say("");
    return true;
  }

  function done() {
    onKey = () => {};
    document.getElementById("progress").textContent = "Done";
    document.getElementById("bar").value = 1;
    const heading = make("h1", { textContent: "Thank you, that was all.", tabIndex: -1 });
    const file = new Blob([JSON.stringify({ participant, session: plan.session, sound, answers }, null, 1)], { type: "application/json" });
    const save = make("a", { href: URL.createObjectURL(file), download: `answers-${participant}.json`, textContent: "Save a copy of the answers" });
    task.replaceChildren(heading, make("p", { textContent: isLocal ? "There was no server: save your answers and hand the file in." : "Your answers have arrived." }), make("p", {}, save));
    heading.focus();
    document.body.dataset.state = "done";
  }

  function clipBox(name, label, seen, state) {
    const video = make("video", { src: `${plan.media}/${name}.mp4`, playsInline: true, preload: "auto", muted: sound === "off" });
    video.setAttribute("aria-label", label);
    video.addEventListener("ended", () => { seen.add(name); state.update(); });
    video.addEventListener("error", () => { seen.add(name); state.broken = true; state.update(); say("A clip cannot be played here. Answer anyway; this is noted."); });
    video.addEventListener("play", () => {
      state.plays += 1;
      for (const other of task.querySelectorAll("video")) if (other !== video) other.pause();
    });
    // No controls of the browser: they would lie over the mouth.
    const again = make("button", { type: "button", textContent: "Play" });
    const toggle = () => (video.paused ? start(video) : video.pause());
    const named = () => { again.textContent = !video.paused ? "Pause" : video.ended ? "Play again" : "Play"; };
    for (const change of ["play", "pause", "ended"]) video.addEventListener(change, named);
    again.setAttribute("aria-describedby", `label-${name}`);
    again.addEventListener("click", toggle);
    video.addEventListener("click", toggle);
    return { figure: make("figure", {}, make("figcaption", {}, make("span", { textContent: label, id: `label-${name}` }), again), video), video };
  }

  function show() {
    const next = upcoming();
    document.getElementById("progress").textContent = next ? `Task ${answers.length + 1} of ${total}` : "";
    document.getElementById("bar").value = answers.length / total;
    if (!next) { send().then((ok) => (ok ? done() : setTimeout(show, 3000))); return; }
    const { trial, match, clips } = next;
    const state = { choice: null, plays: 0, broken: false, update: () => {} };
    const seen = new Set();
    const started = performance.now();
    const heading = make("h1", { textContent: plan.question, tabIndex: -1 });
    const parts = [heading];
    if (trial.instruction) parts.push(make("p", { className: "instruction", textContent: trial.instruction }));
    const pairwise = plan.kind === "pairwise";
    const labels = pairwise ? ["Left clip", "Right clip"] : ["Clip"];
    const shown = clips.map((name, i) => clipBox(name, labels[i], seen, state));
    if (trial.reference) shown.unshift(clipBox(trial.reference, "Reference", seen, state));
    const need = clips.length + (trial.reference ? 1 : 0);
    parts.push(make("div", { className: "clips" }, ...shown.map((s) => s.figure)));
    const go = make("button", { type: "submit", className: "main", textContent: "Next" });
    const form = make("form", {});
    let choose;
    if (pairwise) {
      const picks = clips.map((name, i) => {
        const button = make("button", { type: "button", className: "pick", textContent: i ? "Right is better" : "Left is better" });
        button.addEventListener("click", () => choose(i));
        shown[i].figure.append(button);
        return button;
      });
      choose = (i) => { if (seen.size >= need) { state.choice = clips[i]; state.update(); } };
      state.update = () => {
        picks.forEach((button, i) => {
          button.disabled = seen.size < need;
          button.setAttribute("aria-pressed", String(state.choice === clips[i]));
          shown[i].figure.classList.toggle("chosen", state.choice === clips[i]);
        });
        go.disabled = state.choice === null;
      };
    } else {
      const scale = make("fieldset", { className: "scale" }, make("legend", { textContent: "Your rating" }));
      for (const [value, label] of plan.scale) {
        const radio = make("input", { type: "radio", name: "rating", value });
        radio.addEventListener("change", () => choose(value));
        scale.append(make("label", {}, radio, `${value} ${label}`));
      }
      choose = (value) => {
        if (seen.size < need) return;
        state.choice = String(value);
        scale.querySelector(`[value="${value}"]`).checked = true;
        state.update();
      };
      state.update = () => { scale.disabled = seen.size < need; go.disabled = state.choice === null; };
      form.append(scale);
    }
    form.append(make("p", { className: "next" }, go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (state.choice === null) return;
      answers.push({
        participant, session: plan.session, trial: trial.id, match, shown: clips, choice: state.choice,
        seconds: Math.round(performance.now() - started) / 1000, plays: state.plays, broken: state.broken, sound,
      });
      memory.set(key, answers);
      send().then(() => {});
      show();
    });
    parts.push(form, make("p", { className: "note", textContent: `Watch ${need > 1 ? "the clips" : "the clip"} to the end, then answer.` }));
    task.replaceChildren(...parts);
    state.update();
    heading.focus();

    onKey = (event) => {
      const videos = shown.map((s) => s.video);
      // Space first plays what was not watched yet.
      const current = videos.find((v) => !v.paused) || videos.find((v) => !seen.has(v.src.split("/").pop().slice(0, -4))) || videos[0];
      const onControl = /^(BUTTON|INPUT|VIDEO|A)$/.test(event.target.tagName);
      if (event.key === " " && !onControl) { event.preventDefault(); current.paused ? start(current) : current.pause(); }
      else if (event.key === "r" || event.key === "R") { current.currentTime = 0; start(current); }
      else if (event.key === "Enter" && !onControl) { event.preventDefault(); form.requestSubmit(); }
      else if (pairwise && event.target.tagName !== "VIDEO" && (event.key === "ArrowLeft" || event.key === "ArrowRight")) { event.preventDefault(); choose(event.key === "ArrowLeft" ? 0 : 1); }
      else if (!pairwise && /^[1-5]$/.test(event.key)) { event.preventDefault(); choose(Number(event.key)); }
    };
  }
  show();
}

if (plan.index) index(); else session();
