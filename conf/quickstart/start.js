// Licensed under the Apache License, Version 2.0; see LICENSE.
"use strict";

const GERMAN = {
  intro: "Diese Seite sieht nie ein Token. Sie fragt die Routen unter", and: "und", introEnd: "; der Server setzt das Token ein.",
  account: "Ihr Konto", signIn: "Anmelden", revoke: "Abmelden und das Token vergessen",
  next: "Die nächsten 24 Stunden", health: "Zustand", until: "Token gültig bis", nobody: "Nicht angemeldet.",
  nothing: "Keine Termine.", untitled: "(ohne Titel)", failed: "Zurzeit nicht verfügbar", provider: "Anbieter", database: "Datenbank", up: "erreichbar", down: "nicht erreichbar",
};
const ENGLISH = {
  until: "Token valid until", nobody: "Not signed in.", nothing: "Nothing planned.", untitled: "(no title)",
  failed: "Not available at the moment", provider: "Provider",
  database: "Database", up: "up", down: "down",
};
const words = navigator.language.startsWith("de") ? GERMAN : ENGLISH;

const at = (id) => document.getElementById(id);

async function ask(path, options) {
  const answer = await fetch(path, options);
  return { ok: answer.ok, status: answer.status, value: await answer.json().catch(() => ({})) };
}

function failed(answer) {
  return `${words.failed} (${answer.value.tag || answer.status})`;
}

function moment(text) {
  return new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}

// A whole day is a date: no zone moves it.
function start(event) {
  if (!event.isAllDay) return moment(event.start.dateTime.slice(0, 19) + "Z");
  const day = new Date(event.start.dateTime.slice(0, 10) + "T00:00");
  return day.toLocaleDateString(document.documentElement.lang, { dateStyle: "medium" });
}

function showEvents(answer) {
  const items = (answer.value.value || []).map((event) => {
    const item = document.createElement("li");
    const when = document.createElement("time");
    when.textContent = start(event);
    item.append(event.subject || words.untitled, when);
    return item;
  });
  at("events").replaceChildren(...(items.length ? items : [answer.ok ? words.nothing : failed(answer)]));
}

function showToken(answer) {
  const isKnown = answer.ok || answer.status === 401;
  at("token").textContent = answer.ok ? `${words.until} ${moment(answer.value.expires_at)}`
    : isKnown ? words.nobody : failed(answer);
  at("sign-in").hidden = answer.ok;
  at("revoke").hidden = !answer.ok;
  at("calendar").hidden = !answer.ok;
}

// A person has a name; the id of the grant is for programs.
function showPerson(user) {
  const name = document.createElement("strong");
  name.textContent = user.displayName || user.mail || user.userPrincipalName || "";
  at("person").replaceChildren(...(name.textContent ? [name, user.displayName && user.mail ? ` · ${user.mail}` : ""] : []));
}

async function showHealth() {
  const answer = await ask("/health"), { value } = answer;
  if (!value.providers) {
    at("health").textContent = failed(answer);
    return;
  }
  const providers = value.providers.map((one) => `${words.provider} ${one.provider}: ${words[one.status]}`);
  at("health").textContent = [...providers, `${words.database}: ${words[value.database]}`].join(" · ");
  at("health").dataset.status = value.status;
}

async function show() {
  const token = await ask("/auth/token");
  showToken(token);
  showPerson(token.ok ? (await ask("/auth/user")).value : {});
  if (token.ok) showEvents(await ask("/calendar/next24"));
  await showHealth();
  document.body.dataset.ready = token.ok ? "signed-in" : "signed-out";
}

at("revoke").addEventListener("click", async () => {
  await ask("/auth/revoke", { method: "POST" });
  await show();
});

if (words === GERMAN) {
  document.documentElement.lang = "de";
  document.querySelectorAll("[data-word]").forEach((element) => { element.textContent = words[element.dataset.word]; });
}
show();
