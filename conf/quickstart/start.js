// Licensed under the Apache License, Version 2.0; see LICENSE.
"use strict";

const GERMAN = {
  intro: "Diese Seite sieht nie ein Token. Sie fragt die Routen unter /auth und /calendar; der Server setzt das Token ein.",
  account: "Ihr Konto", signIn: "Anmelden", revoke: "Abmelden und das Token vergessen",
  next: "Die nächsten 24 Stunden", health: "Zustand", until: "Token gültig bis", nobody: "Nicht angemeldet.",
  nothing: "Keine Termine.", provider: "Anbieter", database: "Datenbank", up: "erreichbar", down: "nicht erreichbar",
};
const ENGLISH = {
  until: "Token valid until", nobody: "Not signed in.", nothing: "Nothing planned.", provider: "Provider",
  database: "Database", up: "up", down: "down",
};
const words = navigator.language.startsWith("de") ? GERMAN : ENGLISH;

const at = (id) => document.getElementById(id);

async function ask(path, options) {
  const answer = await fetch(path, options);
  return { ok: answer.ok, value: await answer.json() };
}

function moment(text) {
  return new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}

function showEvents(events) {
  const items = events.map((event) => {
    const item = document.createElement("li");
    const when = document.createElement("time");
    when.textContent = moment(event.start.dateTime.slice(0, 19) + "Z");
    item.append(event.subject, when);
    return item;
  });
  at("events").replaceChildren(...(items.length ? items : [words.nothing]));
}

// A person has a name; the id of the grant is for programs.
function showPerson(user) {
  const name = document.createElement("strong");
  name.textContent = user.displayName || user.mail || user.userPrincipalName || "";
  at("person").replaceChildren(...(name.textContent ? [name, user.displayName && user.mail ? ` · ${user.mail}` : ""] : []));
}

async function showHealth() {
  const { value } = await ask("/health");
  const providers = value.providers.map((one) => `${words.provider} ${one.provider}: ${words[one.status]}`);
  at("health").textContent = [...providers, `${words.database}: ${words[value.database]}`].join(" · ");
  at("health").dataset.status = value.status;
}

async function show() {
  const token = await ask("/auth/token");
  at("token").textContent = token.ok ? `${words.until} ${moment(token.value.expires_at)}` : words.nobody;
  at("sign-in").hidden = token.ok;
  at("revoke").hidden = !token.ok;
  at("calendar").hidden = !token.ok;
  showPerson(token.ok ? (await ask("/auth/user")).value : {});
  const events = token.ok ? await ask("/calendar/next24") : null;
  showEvents(events && events.ok ? events.value.value : []);
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
