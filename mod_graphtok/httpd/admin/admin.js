// Licensed under the Apache License, Version 2.0; see LICENSE.
"use strict";

const { api, words: wordsText } = document.body.dataset;
const words = JSON.parse(wordsText);
const csrf = document.querySelector("meta[name=csrf-token]").content;
const at = (id) => document.getElementById(id);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];

function say(word, values = {}) {
  return words[word].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function tell(text, fails = false) {
  at("told").classList.toggle("fails", fails);
  at("told").textContent = text;
}

// Times come in UTC; a person reads their own.
function localise(from = document) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of all("time", from)) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.dateTime;
    time.textContent = form.format(moment);
  }
}

// ---- asking the server ----

class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || String(status));
    this.status = status;
    this.wait = problem.retry_after;
    this.isTooOld = ["GT1250", "GT1251", "GT1252"].includes(problem.tag);
  }
}

async function ask(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body), signal });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, value);
  return value;
}

function tellFailure(failure) {
  tell(failure.isTooOld ? say("tooOld") : say("notDone", { detail: failure.message }), true);
}

// ---- questions before what takes something away ----

function confirmed(question, act) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog"), text = document.createElement("p"), buttons = document.createElement("p");
    text.textContent = question;
    text.id = "question";
    dialog.setAttribute("aria-labelledby", "question");
    buttons.className = "buttons";
    for (const [value, label] of [["", words.cancel], ["yes", act]]) {
      const button = document.createElement("button");
      button.textContent = label;
      button.className = value ? "main" : "";
      button.addEventListener("click", () => dialog.close(value));
      buttons.append(button);
    }
    dialog.append(text, buttons);
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// ---- the table: a selection, and acts on it ----

function watchSelection(bulk) {
  const boxes = all("tbody .pick input"), whole = at("pick-page");
  let isFilter = false;
  const chosen = () => boxes.filter((box) => box.checked);

  function show() {
    const n = chosen().length;
    bulk.hidden = n === 0 && !isFilter;
    at("selected").textContent = isFilter ? say("allSelected") : say("selected", { n });
    at("select-filter").hidden = isFilter;
    whole.checked = n > 0 && n === boxes.length;
    whole.indeterminate = n > 0 && n < boxes.length;
  }

  function choose(isChosen, filter = false) {
    for (const box of boxes) box.checked = isChosen;
    isFilter = filter;
    show();
  }

  async function start(button) {
    const { act } = button.dataset, ids = chosen().map((box) => box.value);
    const meant = isFilter ? { filter: JSON.parse(bulk.dataset.filter) } : { ids };
    if (!await confirmed(say("askBulk", { act: button.textContent, n: isFilter ? say("all") : ids.length }), button.textContent)) return;
    try {
      const { job } = await ask("POST", "/bulk", { act, ...meant });
      location.assign(bulk.dataset.jobs + "/" + encodeURIComponent(job));
    } catch (failure) {
      tellFailure(failure);
    }
  }

  for (const box of [whole, ...boxes]) box.hidden = false;
  for (const box of boxes) box.addEventListener("change", () => { isFilter = false; show(); });
  whole.addEventListener("change", () => choose(whole.checked));
  at("select-filter").addEventListener("click", () => choose(true, true));
  at("select-none").addEventListener("click", () => choose(false));
  for (const button of all("[data-act]", bulk)) button.addEventListener("click", () => start(button));
  show(); // a browser may have kept what was checked before a reload
}

// ---- accounts of the server ----

async function acquire(button) {
  button.disabled = true;
  try {
    await ask("POST", "/acquire_token/", { account: button.dataset.acquire });
    tell(`${button.dataset.acquire}: ${say("acquired")}`);
  } catch (failure) {
    tellFailure(failure);
  }
  button.disabled = false;
}

localise();
if (at("bulk")) watchSelection(at("bulk"));
for (const button of all("[data-acquire]")) {
  button.hidden = false;
  button.addEventListener("click", () => acquire(button));
}
