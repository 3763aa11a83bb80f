// A server that others could have written: a person and a forum on Fedify, with its types, signatures, proofs and loaders. It does what a test asks by HTTP.
//
// Run by node, which finds Fedify beside this file: `peer.mjs PORT`.

import { createFederation, generateCryptoKeyPair, MemoryKvStore, parseNodeInfo, SendActivityError, signRequest } from "@fedify/fedify";
import * as vocab from "@fedify/fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";
import { serve } from "./web.mjs";

const HOST = "127.0.0.1";
const base = `http://${HOST}:${process.argv[2]}`;
const ME = "ines";
const FORUM = "forum";
const ACTORS = new Map([
  [ME, { kind: vocab.Person, name: "Inès Morel" }],
  [FORUM, { kind: vocab.Group, name: "Forum d’ailleurs" }],
]);
const pairs = [await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"), await generateCryptoKeyPair("Ed25519")];
const made = new Map();
const posts = [];
const heard = [];
const letters = [];
let count = 0;

const federation = createFederation({ kv: new MemoryKvStore(), allowPrivateAddress: true, origin: base });

federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    if (!ACTORS.has(identifier)) return null;
    const { kind, name } = ACTORS.get(identifier);
    const keys = await context.getActorKeyPairs(identifier);
    return new kind({
      id: context.getActorUri(identifier),
      preferredUsername: identifier,
      name,
      inbox: context.getInboxUri(identifier),
      endpoints: new vocab.Endpoints({ sharedInbox: context.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
    });
  })
  .setKeyPairsDispatcher((_, identifier) => (ACTORS.has(identifier) ? pairs : []));

federation.setObjectDispatcher(vocab.Note, "/notes/{note}", (context, { note }) => made.get(context.getObjectUri(vocab.Note, { note }).href) ?? null);

const inboxes = federation.setInboxListeners("/users/{identifier}/inbox", "/inbox").setSharedKeyDispatcher(() => ({ identifier: ME }));
for (const kind of [vocab.Follow, vocab.Accept, vocab.Announce, vocab.Create, vocab.Update, vocab.Delete, vocab.Like, vocab.Undo, vocab.EmojiReact]) {
  inboxes.on(kind, async (context, activity) => {
    heard.push(await noted(activity, context));
    if (activity instanceof vocab.Announce) await passOn(context, activity);
    if (activity instanceof vocab.Follow) await send(context, activity.actorId.href, vocab.Accept, { object: activity }, FORUM);
  });
}

/** What a Group passed on is for the listeners of what it holds, once Fedify has found it to be true. */
async function passOn(context, announce) {
  const inner = await announce.getObject({ ...context, suppressError: true });
  if (inner instanceof vocab.Activity) heard.push({ type: "Routed", inner: inner.id.href, believed: await context.routeActivity(context.recipient, inner) });
}

/** An activity as Fedify reads it; `made` is what it holds, `word` what that one says. */
async function noted(activity, context) {
  // What is accepted is her own Follow, set into somebody else's activity: she knows it without asking herself. What is gone is nothing.
  const reading = { ...context, suppressError: true, crossOrigin: activity instanceof vocab.Accept ? "trust" : "ignore" };
  const held = await activity.getObject(reading);
  const note = held instanceof vocab.Activity ? await held.getObject(reading) : held;
  return {
    type: activity.constructor.name,
    id: activity.id?.href,
    actor: activity.actorId?.href,
    object: activity.objectId?.href,
    holds: held?.constructor.name,
    made: note?.id?.href,
    author: note?.attributionId?.href,
    word: note?.content?.toString() ?? "",
    text: JSON.stringify(await activity.toJsonLd(context)),
  };
}

// --- what a test asks -----------------------------------------------------------------------------------------------

const orders = {
  /** What a client sees first: WebFinger from a name and back, NodeInfo, the group through JSON-LD with its keys. */
  async look(context, { group }) {
    const actor = await context.lookupObject(group);
    const named = await context.lookupWebFinger(group);
    const keys = [];
    for await (const key of actor.getPublicKeys(context)) keys.push(key.id.href);
    for await (const key of actor.getAssertionMethods(context)) keys.push(key.id.href);
    return {
      type: actor.constructor.name,
      name: actor.name.toString(),
      handle: named.subject,
      self: named.links.filter((link) => link.rel === "self").map((link) => link.href),
      software: (await softwareOf(group))?.software.name,
      keys,
    };
  },
  /** A document elsewhere by a signed read. */
  async read(context, { url }) {
    const documentLoader = await context.getDocumentLoader({ identifier: ME });
    const found = await vocab.Object.fromJsonLd((await documentLoader(url)).document, { ...context, documentLoader });
    return { type: found.constructor.name, author: found.attributionId?.href, content: found.content?.toString() ?? "" };
  },
  /** Every item of a collection elsewhere, page after page. */
  async collect(context, { url }) {
    const collection = await context.lookupObject(url);
    const items = [];
    for await (const item of context.traverseCollection(collection)) items.push(item.constructor.name);
    return { total: collection.totalItems, items };
  },
  follow: (context, { group }) => send(context, group, vocab.Follow, { object: new URL(group) }),
  say(context, { group, html, answers }) {
    const note = noteOf(context, group, html, answers, context.getObjectUri(vocab.Note, { note: `${++count}` }));
    made.set(note.id.href, note);
    return send(context, group, vocab.Create, { object: note, ...toAll(group) });
  },
  edit(context, { group, note, html }) {
    made.set(note, made.get(note).clone({ content: html, updated: Temporal.Now.instant() }));
    return send(context, group, vocab.Update, { object: made.get(note), ...toAll(group) });
  },
  delete(context, { group, note }) {
    made.delete(note);
    return send(context, group, vocab.Delete, { object: new vocab.Tombstone({ id: new URL(note) }), ...toAll(group) });
  },
  like: (context, { group, message }) => send(context, group, vocab.Like, { object: new URL(message), ...toAll(group) }),
  react: (context, { group, message, emoji }) =>
    send(context, group, vocab.EmojiReact, { object: new URL(message), content: emoji, ...toAll(group) }),
  /** Takes an activity of hers back, by what it was. */
  undo: (context, { group, activity, kind, message }) =>
    send(context, group, vocab.Undo, { object: new vocab[kind]({ id: new URL(activity), actor: actorOf(context), object: new URL(message) }) }),
  /** What she says in the forum there, which passes it on. */
  passOn(context, { group, html }) {
    const forum = context.getActorUri(FORUM).href;
    const note = noteOf(context, forum, html, undefined, context.getObjectUri(vocab.Note, { note: `${++count}` }));
    made.set(note.id.href, note);
    const create = new vocab.Create({ id: new URL(`${base}/activities/${++count}`), actor: actorOf(context), object: note, ...toAll(forum) });
    return send(context, group, vocab.Announce, { object: create, ...toAll(forum) }, FORUM);
  },
  forge: (context, { group, how, message }) => forgeries[how](context, group, message),
};

/** What must be refused, each made by Fedify's own hand but for one thing. */
const forgeries = {
  unsigned: async (context, group) => [await post(request(group, await letter(context, words(context, group))))],
  async altered(context, group) {
    const signed = await signedRequest(group, await letter(context, words(context, group)));
    return [await post(new Request(signed, { body: (await signed.text()).replace("Faux", "Vrai") }))];
  },
  async elsewhere(context, group) {
    const signed = await signedRequest(group, await letter(context, words(context, group)));
    return [await post(new Request(`${new URL(group).origin}/inbox`, signed))];
  },
  cavage: async (context, group) => [
    await post(await signedRequest(group, await letter(context, words(context, group)), "draft-cavage-http-signatures-12")),
  ],
  async replayed(context, group) {
    const signed = await signedRequest(group, await letter(context, words(context, group)));
    return [await post(signed.clone()), await post(signed.clone())];
  },
  /** The request is hers and whole, the proof within is of other words. */
  proof: async (context, group) => [
    await post(await signedRequest(group, (await letter(context, words(context, group))).replace("Faux", "Vrai"))),
  ],
  /** What a ministry said, edited by somebody else. */
  async stolen(context, group, message) {
    const note = noteOf(context, group, "<p>Faux</p>", undefined, new URL(message));
    const update = new vocab.Update({ id: new URL(`${base}/activities/${++count}`), actor: actorOf(context), object: note, ...toAll(group) });
    return [await post(await signedRequest(group, await letter(context, update)))];
  },
  /** Words put into a ministry's mouth, and passed on by who is no Group. */
  async borrowed(context, group, message) {
    const author = new URL(`${new URL(group).origin}/nodes/wifip`);
    const note = noteOf(context, group, "<p>Faux</p>", undefined, new URL(`${message}-faux`)).clone({ attribution: author });
    const create = new vocab.Create({ id: new URL(`${message}#faux`), actor: author, object: note });
    const announce = new vocab.Announce({ id: new URL(`${base}/activities/${++count}`), actor: actorOf(context), object: create, ...toAll(group) });
    return [await post(await signedRequest(group, await letter(context, announce)))];
  },
};

/** NodeInfo, by Fedify's strict reader; its own client asks nobody on loopback. */
async function softwareOf(group) {
  const { links } = await (await fetch(new URL("/.well-known/nodeinfo", group))).json();
  return parseNodeInfo(await (await fetch(links[0].href)).json());
}

function actorOf(context) {
  return context.getActorUri(ME);
}

function toAll(group) {
  return { to: vocab.PUBLIC_COLLECTION, cc: new URL(group) };
}

function noteOf(context, group, html, answers, id) {
  const target = answers === undefined ? {} : { replyTarget: new URL(answers) };
  return new vocab.Note({ id, attribution: actorOf(context), content: html, published: Temporal.Now.instant(), ...target, ...toAll(group) });
}

/** Sends as Fedify's applications do: to the inbox that it finds, signed in the way that it chooses. */
async function send(context, group, kind, said, identifier = ME) {
  const id = new URL(`${base}/activities/${++count}`);
  const recipient = await context.lookupObject(group);
  try {
    await context.sendActivity({ identifier }, recipient, new kind({ id, actor: context.getActorUri(identifier), ...said }), { immediate: true });
    return { status: 202, reason: null, id: id.href, made: said.object?.id?.href ?? null };
  } catch (error) {
    if (!(error instanceof SendActivityError)) throw error;
    return { status: error.statusCode, reason: JSON.parse(error.responseBody).reason, id: id.href };
  }
}

function words(context, group) {
  const note = noteOf(context, group, "<p>Faux</p>", undefined, new URL(`${base}/notes/faux-${++count}`));
  return new vocab.Create({ id: new URL(`${base}/activities/${++count}`), actor: actorOf(context), object: note, ...toAll(group) });
}

/** An activity in the very bytes in which Fedify sends it, proved by her: sent to a letter box of her own. */
async function letter(context, activity) {
  await context.sendActivity({ identifier: ME }, { id: new URL(base), inboxId: new URL(`${base}/letters`) }, activity, { immediate: true });
  return letters.pop();
}

function request(group, body) {
  return new Request(`${group}/inbox`, { method: "POST", headers: { "content-type": "application/activity+json" }, body });
}

function signedRequest(group, body, spec = "rfc9421") {
  return signRequest(request(group, body), pairs[0].privateKey, new URL(`${base}/users/${ME}#main-key`), { spec });
}

async function post(made) {
  const answer = await fetch(made);
  const text = await answer.text();
  return { status: answer.status, reason: text === "" ? null : JSON.parse(text).reason };
}

// --- what comes ---------------------------------------------------------------------------------------------------------

serve(HOST, Number(process.argv[2]), async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/told/")) {
    const context = federation.createContext(new URL(base), undefined);
    return Response.json(await orders[pathname.slice("/told/".length)](context, await request.json()));
  }
  if (pathname === "/letters") return new Response(null, { status: letters.push(await request.text()) > 0 ? 202 : 500 });
  if (pathname === "/heard") return Response.json({ heard, posts });
  const input = request.headers.get("signature-input") ?? "";
  const answer = await federation.fetch(request, { contextData: undefined });
  const by = input.includes("#main-key") ? "rfc9421-rsa" : input ? "rfc9421-ed25519" : request.headers.has("signature") ? "cavage" : "";
  posts.push({ method: request.method, path: pathname, by, status: answer.status });
  return answer;
});
