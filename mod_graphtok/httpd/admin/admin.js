// Licensed under the Apache License, Version 2.0; see LICENSE.
"use strict";

const { root } = document.body.dataset;
const words = JSON.parse(document.body.dataset.words);
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
  const { lang } = document.documentElement;
  const locale = navigator.languages.find((one) => one.startsWith(lang)) || lang;
  const parts = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }, now = new Date();
  for (const time of all("time", from)) {
    const moment = new Date(time.dateTime), isNear = Math.abs(moment - now) < 180 * 86400000;
    if (Number.isNaN(moment.getTime())) continue;
    if (time.dateTime.length === 10) {
      time.textContent = moment.toLocaleDateString(locale, { day: "numeric", month: "short", timeZone: "UTC" });
      continue;
    }
    time.title = time.dateTime;
    time.textContent = moment.toLocaleString(locale, isNear ? parts : { ...parts, year: "numeric" });
  }
}

// ---- asking the server ----

class Refusal extends Error {
  constructor(status, problem) {
    super([problem.detail || String(status), ...(problem.errors || []).map((one) => `${one.field}: ${one.message}`)].join(" · "));
    this.status = status;
    this.wait = problem.retry_after;
    this.isTooOld = ["GT1250", "GT1251", "GT1252"].includes(problem.tag);
  }
}

async function ask(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(`${root}/api${path}`, { method, headers, body: body && JSON.stringify(body), signal });
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
      location.assign(`${root}/bulk/${encodeURIComponent(job)}`);
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

// ---- a job: its bar moves while the page is looked at ----

const KINDS = { running: "busy", stopping: "warn", stopped: "warn", done: "good", succeeded: "good", failed: "bad" };

function element(name, className, ...content) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...content);
  return made;
}

function badge(state) {
  return element("span", `badge ${KINDS[state] || "off"}`, words[state] || state);
}

// Controls of a device or of the direction of writing, as the server writes them.
function plain(text) {
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}

function row(result) {
  const link = element("a", "", element("bdi", "", plain(result.user || result.id)));
  link.href = `${root}/grants/${encodeURIComponent(result.id)}`;
  const head = element("th", "user", link), detail = element("td", "detail"), time = element("td", "updated");
  head.scope = "row";
  detail.lang = "en";
  if (result.tag) detail.append(element("code", "", result.tag), " ");
  detail.append(element("bdi", "", plain(result.detail || "")));
  if (result.at) {
    const moment = document.createElement("time");
    moment.dateTime = result.at;
    time.append(moment);
  }
  return element("tr", "", head, element("td", "", badge(result.outcome)), detail, time);
}

function showResults(results) {
  at("rows").replaceChildren(...results.map(row));
  localise(at("rows"));
  at("no-rows").hidden = results.length > 0;
}

const later = (span) => new Promise((resolve) => { setTimeout(resolve, span); });

function whenVisible() {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

class Job {
  constructor(box) {
    this.path = `/bulk/${encodeURIComponent(box.dataset.job)}`;
    this.state = box.dataset.state;
    this.updated = box.dataset.updated;
    this.bar = box.querySelector("progress");
    this.done = this.bar.value;
    this.heard = 0; // tenths that were announced
    this.asked = new URLSearchParams(location.search);
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.waiting?.abort(); });
    for (const name of ["stop", "continue"]) at(name).addEventListener("submit", (event) => this.set(event, name));
  }

  async set(event, name) {
    event.preventDefault();
    try {
      this.show(await ask("POST", `${this.path}/${name}`));
    } catch (failure) {
      tellFailure(failure);
    }
  }

  // Requests that wait share what the database said a moment ago: an older answer is passed over.
  show(job) {
    if (job.done < this.done || job.updated_at < this.updated) return;
    const text = say("of", { n: job.done, m: job.total }), tenth = Math.floor(10 * job.done / (job.total || 1));
    if (job.state !== this.state || tenth !== this.heard) at("announced").textContent = `${words[job.state] || job.state}, ${text}`;
    Object.assign(this, { done: job.done, state: job.state, updated: job.updated_at, heard: tenth });
    this.bar.max = job.total || 1;
    this.bar.value = job.done;
    at("of").textContent = text;
    at("state").replaceChildren(badge(job.state));
    for (const name of ["succeeded", "failed"]) at(name).textContent = job[name];
    at("stop").hidden = !["running", "waiting"].includes(job.state);
    at("continue").hidden = !["stopped", "stopping"].includes(job.state);
    at("job").dataset.state = job.state;
  }

  // The server answers when something has changed, or after half a minute.
  async look() {
    const isFirst = !this.asked.has("cursor"), outcome = this.asked.get("outcome");
    const query = new URLSearchParams({ known: this.done, state: this.state, wait: 25, limit: isFirst ? 50 : 0 });
    if (outcome) query.set("outcome", outcome);
    this.waiting = new AbortController();
    const job = await ask("GET", `${this.path}?${query}`, undefined, this.waiting.signal);
    this.show(job);
    if (isFirst) showResults(job.results || []);
  }

  // Once a second at most; after a failure more and more seldom.
  async follow() {
    let pause = 1000, isLost = false;
    while (this.state !== "done") {
      await whenVisible();
      try {
        await this.look();
        if (isLost) tell("");
        [pause, isLost] = [1000, false];
      } catch (failure) {
        if (failure.name === "AbortError") continue;
        if (failure.status === 404 || failure.status === 403 || failure.status === 401) return tellFailure(failure);
        [pause, isLost] = [Math.min(2 * pause, 60000), true];
        tell(say("lost"), true);
        if (failure.wait) pause = Math.max(pause, 1000 * failure.wait);
      }
      await later(pause);
    }
  }
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
if (at("job")) new Job(at("job")).follow();
for (const button of all("[data-acquire]")) {
  button.hidden = false;
  button.addEventListener("click", () => acquire(button));
}
