"use strict";
// Keys and buttons. Everything that changes something goes through send(); texts come from the page.
(() => {
  const body = document.body;
  const data = body.dataset;
  const SETTLE_MS = 300; // a key meant for the page before must not decide this one
  const toast = document.getElementById("toast");
  const help = document.getElementById("help");
  const reason = document.getElementById("reason");
  const compare = document.getElementById("compare");
  let timer = 0;

  function say(text, bad = false) {
    toast.textContent = text;
    toast.className = bad ? "bad" : "";
    toast.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => { toast.hidden = true; }, bad ? 6000 : 2500);
  }

  function go(to) {
    if (to) location.assign(to);
  }

  async function send(path, content) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Onegrid-Form": data.form },
      body: JSON.stringify({ r: data.r, v: data.v, ...content }),
    });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => null);
    throw new Error(problem ? problem.said : "");
  }

  async function change(path, content) {
    if (body.classList.contains("busy")) return;
    body.classList.add("busy");
    try {
      const { to, said } = await (await send(path, content)).json();
      sessionStorage.setItem("said", said);
      go(to);
    } catch (error) {
      body.classList.remove("busy");
      say(error.message || "没有保存：与服务的连接断了。请看终端里 onegrid review 是否仍在运行。", true);
    }
  }

  function decide(verdict) {
    if (!data.item || !("settled" in data)) return;
    const button = document.querySelector(`[data-verdict=${verdict}]`);
    button.classList.add("on");
    change(`/item/${data.item}/decide`, { verdict, reason: reason.value, seen: data.seen })
      .finally(() => { if (!body.classList.contains("busy")) button.classList.remove("on"); });
  }

  async function numbers() {
    const button = document.querySelector("[data-do=numbers]");
    if (!button || button.hidden) return;
    try {
      const shown = document.getElementById("known") || compare;
      shown.innerHTML = await (await send(data.numbers, {})).text();
      button.hidden = true;
    } catch (error) {
      say(error.message || "没有取到号码，请重试。", true);
    }
  }

  function all() {
    if (!compare || !document.querySelector(".tools [data-do=all]")) return;
    const on = compare.classList.toggle("all");
    document.querySelector(".tools [data-do=all]").setAttribute("aria-pressed", String(on));
    localStorage.setItem("all", on ? "1" : "");
  }

  function showReasons() {
    const chosen = reason.value.split("；");
    for (const chip of document.querySelectorAll("[data-reason]")) {
      chip.setAttribute("aria-pressed", String(chosen.includes(chip.dataset.reason)));
    }
  }

  function choose(text) {
    const chosen = reason.value.split("；").map((part) => part.trim()).filter(Boolean);
    const place = chosen.indexOf(text);
    if (place < 0) chosen.push(text);
    else chosen.splice(place, 1);
    reason.value = chosen.join("；");
    showReasons();
  }

  const undo = (number) => change("/undo", number ? { number } : {});
  const actions = {
    1: () => decide("always"), s: () => decide("always"),
    2: () => decide("never"), d: () => decide("never"),
    3: () => decide("unsure"), u: () => decide("unsure"),
    z: () => undo(),
    j: () => go(data.after), arrowright: () => go(data.after),
    k: () => go(data.before), arrowleft: () => go(data.before),
    a: all, v: numbers, q: () => go(data.queue),
    r: () => reason && reason.focus(),
    "?": () => help && help.showModal(), "？": () => help && help.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    if (help && help.open) return;
    const field = event.target.closest("input, select, textarea");
    if (field) {
      if (event.key === "Escape" || (event.key === "Enter" && field === reason)) {
        field.blur();
        event.preventDefault();
      }
      return;
    }
    if (!data.form) return;
    const act = actions[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { verdict, reason: text, do: task, number } = button.dataset;
    if (verdict) decide(verdict);
    else if (text) choose(text);
    else if (task === "undo") undo(number);
    else if (task === "all") all();
    else if (task === "numbers") numbers();
    else if (task === "back") history.back();
    else if (task === "help") help.showModal();
  });

  document.addEventListener("change", (event) => {
    if (event.target.dataset.do === "submit") event.target.form.submit();
  });
  if (reason) reason.addEventListener("input", showReasons);
  setTimeout(() => { data.settled = ""; }, SETTLE_MS);
  if (localStorage.getItem("all")) all();
  const said = sessionStorage.getItem("said");
  sessionStorage.removeItem("said");
  if (said) say(said);
})();
