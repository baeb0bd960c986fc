// Licensed under the Apache License, Version 2.0; see LICENSE.
"use strict";

const at = (id) => document.getElementById(id);

async function ask(path, options) {
  const answer = await fetch(path, options);
  return { ok: answer.ok, value: await answer.json() };
}

function showEvents(events) {
  at("events").replaceChildren(...events.map((event) => {
    const item = document.createElement("li");
    const when = document.createElement("time");
    when.textContent = new Date(event.start.dateTime + "Z").toLocaleString();
    item.append(event.subject, " ", when);
    return item;
  }));
}

async function show() {
  const token = await ask("/auth/token");
  at("token").textContent = token.ok
    ? `${token.value.user}: ${token.value.status} until ${token.value.expires_at}`
    : token.value.detail;
  at("sign-in").hidden = token.ok;
  at("revoke").hidden = !token.ok;
  const events = token.ok ? await ask("/calendar/next24") : null;
  showEvents(events && events.ok ? events.value.value : []);
  const health = await ask("/health/microsoft");
  at("health").textContent = `${health.value.status}; provider ${health.value.provider}, `
    + `database ${health.value.database}`;
  document.body.dataset.ready = token.ok ? "signed-in" : "signed-out";
}

at("revoke").addEventListener("click", async () => {
  await ask("/auth/revoke", { method: "POST" });
  await show();
});

show();
