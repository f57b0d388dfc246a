/**
 * What words mean to the planner, by class; phrases are separated by commas. A phrase that ends its
 * first word in `~` is listed in every inflection of that word. One phrase may stand in several
 * classes: the grammar decides by its place.
 */
export const phrasesByClass: Readonly<Record<string, string>> = {
  // what is to be done
  'verb:create': `
    create~, issue~, register~, put~, add~, make~, define~, set~ up, onboard~, introduce~,
    provision~, build~, sign~ up, open~, enrol~, enroll~, spin~ up, stand~ up, bootstrap~,
    generate~, protect~, arrange~, organize~, organise~, append~`,
  'verb:delete': `
    delete~, remove~, archive~, destroy~, drop~, get~ rid of, retire~, decommission~, offboard~,
    deregister~, unregister~, scrap~, erase~, tear~ down, nuke~, purge~, clean~ up, throw~ away`,
  'verb:give': `
    give~, grant~, allow~, let~, permit~, authorize~, authorise~, enable~, assign~, hand~,
    entitle~, provide~, open~ up, whitelist~, allowlist~, unblock~, share~, make~ available,
    hand~ out, hand~ over`,
  'verb:revoke': `
    revoke~, withdraw~, take~ away, take~ out, take~, cancel~, stop~, prevent~, block~, deny~,
    forbid~, disallow~, strip~, cut~ off, cut~, end~, terminate~, lose~, rescind~, ban~,
    unassign~, lock~ out, kick~, kick~ out, throw~ out, pull~, unshare~, recall~, shut~ out,
    blacklist~, blocklist~, take~ back, has to go, have to go, must go, needs to go, get~ out of, take~ off, -, –`,
  'verb:kill': 'kill~, zap~, yank~',
  'verb:clear': 'clear~, unset~, wipe~',
  'verb:rename': 'rename~, retitle~',
  'verb:change': 'change~, update~, edit~, modify~, alter~, replace~, adjust~',
  'verb:set': `
    set~, point~, route~, configure~, change~, update~, send~, proxy~, forward~`,
  'verb:switch': 'switch~, move~, migrate~',
  'verb:rotate': `
    rotate~, roll~, regenerate~, reissue~, renew~, reset~, cycle~, refresh~, roll~ over`,
  'verb:extend': `
    extend~, prolong~, lengthen~, renew~, push~ back, push~ out, postpone~, keep~, retain~, store~`,
  'verb:shorten': 'shorten~, cut~ short, bring~ forward',
  'verb:expire': 'expire~, end~, stop~, lapse~, run~ out',
  'verb:limit': `
    limit~, restrict~, reduce~, narrow~, downgrade~, cap~, confine~, constrain~, narrow~ down`,
  'verb:label': 'label~, tag~, mark~, labelled, labelling',
  'verb:unlabel': 'unlabel~, untag~',
  'verb:attach': `
    attach~, connect~, use~, assign~, link~, bind~, authenticate~ with, authenticate~ through`,
  'verb:detach': `
    detach~, disconnect~, unlink~, unbind~, stop using`,
  'verb:freeze': 'freeze~, lock~ down, lock~, suspend~, pause~, halt~, shut~ down, stop~',
  'verb:unfreeze': 'unfreeze~, thaw~, unlock~, resume~, lift~, unpause~, reopen~',
  'verb:require': 'require~, demand~, need~, gate~',
  'verb:activate': `
    activate~, use~, apply~, switch~ to, deploy~, make~ active, put~ in force, enforce~,
    put~ into effect, put~ into force, put~ in effect, bring~ into force`,
  'verb:on': 'enable~, turn~ on, switch~ on, activate~, allow~',
  'verb:off': 'disable~, turn~ off, switch~ off, deactivate~, disallow~, forbid~, stop~',
  'verb:rollback': 'roll~ back, rollback, revert~, go back, return, restore~',
  'verb:copy': 'copy~, clone~, duplicate~, mirror~',
  'verb:approve': 'approve~, apply~, reject~, confirm~, sign off, execute~, decline~',
  'verb:show': `
    show~, know~, list~, display~, describe~, tell~, print~, give me, get me, show me, tell me,
    take~ a look at, have~ a look at, take~ a look, explain~, enumerate~, count~, find~, look up, summarize~, summarise~, check~,
    check whether, check if, verify whether, verify that, see if, see whether`,
  'verb:undo': 'undo~',

  // who or what it is about
  'kind:application': 'application, applications, app, apps, client, clients, workload, workloads',
  'kind:application-weak': 'agent, agents, bot, bots, service, services',
  'kind:resource': 'resource, resources, protected resource, protected resources, api, apis',
  'kind:provider': `
    provider, providers, credential provider, credential providers, credentials provider`,
  'kind:zone': 'zone, zones',
  'kind:policy': 'policy, policies, policy document, policy documents',
  'kind:policySet':
    'policy set, policy sets, policyset, policysets, policy-set, policy-sets, active set',
  'kind:plan': 'plan, plans, proposal, proposals, change plan, change plans',
  'kind:grant': 'grant, grants',
  'noun:access': `
    access, permission, permissions, privilege, privileges, right, rights, grant, grants,
    access rights, ability, authority, capability, possibility, clearance, entitlement,
    entitlements, authorization, authorisation, accessible, reachable`,
  'noun:scope': 'scope, scopes, permission, permissions',
  'noun:label': 'label, labels, tag, tags',
  'noun:secret': `
    secret, client secret, secrets, credential, credentials, password, client secrets`,
  'noun:keys': 'key, keys, signing key, signing keys, jwks',
  'noun:upstream': `
    upstream, upstream url, upstream address, backend, backend url, upstream uri, origin url,
    target url, now lives at, now runs at, is now at, is hosted at, hosted at, is reachable at,
    is served from, served from, moved to, behind`,
  'noun:url': 'url, address, uri, identifier',
  'noun:template': 'template, templates, policy template, policy templates',
  'noun:version': 'version, versions, revision',
  'noun:name': 'name, names',
  'noun:token': 'admin token, admin tokens, api token, bootstrap token, administrator token',
  'noun:step-up': `
    step-up approval, step-up approvals, step-ups, step up approvals, held request, held requests,
    requests on hold, approval request, approval requests`,
  'noun:subject': 'users, people, end users, subjects, user accounts',
  'noun:subject-issuer': `
    subject issuer, subject issuers, identity provider, identity providers, idp, idps,
    sign-in providers, openid providers`,
  'noun:dpop':
    'dpop, proof of possession, proof-of-possession, sender-constrained tokens, demonstrating proof of possession',
  'noun:redirect':
    'redirect uri, redirect uris, redirect url, redirect urls, callback, callback url, callback urls, callback uri, redirect address, redirect-uri',
  'noun:retention': `
    audit retention, audit log retention, retention, audit log, audit events, audit trail,
    retention period, audit logs, logs of events`,
  'noun:dcr': `
    dynamic client registration, dcr, dynamic registration, self-registration, self registration,
    register themselves, client registration, register on their own, register by themselves,
    self-register, registration of workloads`,
  'noun:expiry': `
    expiry, expiration, end date, expiry date, time limit, deadline, expiration date, end time`,
  'noun:freeze': 'freeze, lockdown, restriction, restrictions',
  'noun:approval': `
    approval, approvals, human approval, step-up, step up, sign-off, confirmation, signed off,
    sign off, human sign-off, human in the loop, four eyes, four-eyes`,
  'noun:business-hours': 'business hours, working hours, office hours, work hours',
  'noun:event': `
    event, events, audit log, audit, audit trail, audit events, log, logs, history, activity,
    audit logs`,
  'noun:change': `
    change, changes, changed, modified, altered, modification, modifications, updated`,
  'noun:happen': 'happened, happen, happening, going on, went on, going',
  'noun:refusal': `
    refused, denied, rejected, blocked, refusal, refusals, denial, denials, fail, failed, failing,
    turned down, turned away, declined, deny, refuse, 403, 401, forbidden, 403s, errors, error,
    unauthorized`,
  'noun:overview': 'overview, summary, status, state, details, detail, info, information',
  'noun:system': 'system zone, system',
  'noun:setting': `
    api key, api keys, api-key, client credentials, client credential, client-credentials, client id,
    bearer token, bearer tokens, basic auth, http basic, basic authentication, authorization code,
    authorisation code, authorization url, username, user name, header, query parameter, audience`,
  'noun:issuer': 'issuer, token endpoint, jwks uri, endpoints, token url',
  'noun:request': 'request, decision, requests, call, calls, traffic, exchange',
  'noun:member': 'member, part',
  'noun:baseline': 'baseline, baseline policy set, baseline policy, baseline set',
  'noun:everything': 'everything, anything, whatever',
  'word:active': `
    active, in force, in effect, activated, current, effective, live, into force, into effect,
    force, effect`,
  'word:awaiting': `
    awaiting, awaiting approval, pending, waiting, waiting for, open, outstanding, unapproved,
    wait for, wait`,
  'word:human': 'human, humans, somebody, someone, a human being, people',
  'word:useless':
    'obsolete, unused, no longer needed, no longer used, not needed any more, not needed anymore, not used any more, not used anymore, deprecated, leaked, compromised, stolen, exposed, outdated, orphaned, dead, superfluous, redundant',
  'word:include': 'include, includes, included, including',
  'word:naming': `
    called, named, call it, name it, with the name, with name, by the name of, under the name,
    titled, whose name is, known as, name them, call them`,
  'word:new': 'new, another, fresh, additional, extra, further',
  'word:like': 'same, same as, identical, copy of, clone of, duplicate of, like',
  'word:time-boxed': 'temporary, temporarily, time-boxed, short-lived, time-limited, for a while',
  'word:able': 'able, able to, capable of',
  'word:member': `
    has, have, had, holds, hold, having, held, offer, offers, expose, exposes, provides, carry,
    carries, bears, offering, exposing, providing`,

  // scopes in plain words; the part after the colon is the ending they mean
  'scope:read': `
    read~, view~, see~, look at, looking at, fetch~, readable, viewable, visible, reader, viewer,
    query~, browse~, retrieve~, consult~, inspect~`,
  'scope:write': `
    write~, writable, writeable, update~, edit~, modify~, editable, writer, editor, change~,
    updatable, modifiable, overwrite~`,
  'scope:delete': 'delete~, deletable, erase~, deletion',
  'scope:create': 'create~, creation',
  'scope:list': 'list~',
  'scope:admin': 'administer~, manage~, admin',
  'scope:approve': 'approve~, approval',
  'scope:read-only': 'read-only, readonly, read only, view only, view-only, reading only',
  'scope:write-only': 'write-only, write only',
  'scope:read-write': 'read-write, readwrite, r/w, rw',
  'scope:all': `
    full access, full, everything, all scopes, all access, complete access, anything, every scope,
    complete, unrestricted, all permissions, all rights, total, all privileges, entire,
    all the scopes, all its scopes, all of its scopes, every permission, any access`,

  // what can turn a meaning around: never skipped
  negation: `
    not, never, dont, do nt, doesnt, cant, cannot, wont, shouldnt, mustnt, isnt, arent, didnt,
    nobody, no one, none, neither, nor, without, no, nothing, no application, refrain from, avoid,
    instead of, rather than, unable`,
  'no-longer': 'no longer, not any longer, not any more, not anymore',
  'any-more': 'any more, anymore, any longer',
  only: 'only, just, solely, max, maximum, tops, at the most, nothing but, at most, no more than',
  except: `
    except, except for, except from, excluding, other than, apart from, besides, all but,
    everyone but, everybody but, save for, apps but, applications but, agents but, bots but,
    clients but, services but`,
  condition: `
    if, unless, when, whenever, while, once, after, before, as long as, provided, in case, during,
    outside, outside of, between, e.g, eg, for example, for instance, hypothetically,
    now that, as you know, as we know, as we all know, suppose, supposing, imagine, assuming, pretend, within, inside, depending, until further notice`,
  all: `
    all, every, each, any, all the, each of, all of, every single, both, both of, all three,
    all three of, all two of, all four of`,
  everyone: `
    everyone, everybody, anyone, anybody, everything else, everyone else, the others, all others,
    the rest, all of them`,

  // pointing back
  pronoun: `
    it, this one, that one, the same one, this, the latter, the former, itself, the new one`,
  'pronoun-plural': 'them, they, these, those, these two, those two, the two, both of them',
  'pronoun-of': 'its, their, theirs',

  // asking
  'ask:who': `
    who, whom`,
  'ask:what': 'what, which, what all',
  'ask:why': 'why, how come, for what reason',
  'ask:how-many': 'how many, number of',
  'ask:how': 'how, how do i, how can i, how to, how do you, how does one',
  'ask:when': 'when did, when does, when will, when is, when was, how long, till when, until when',
  'ask:where': 'where',
  'ask:is': 'is, are, does, do, did, has, have, was, were, is there, are there, do we have, am',

  // auxiliaries
  modal: `
    shouldnt, mustnt, neednt, can, may, could, should, must, might, shall, ought to, needs, need, needs to, need to, gets,
    get, has to, have to, requires, wants, wants to, will, would, should be, is allowed,
    are allowed, receives, receive, deserves, be given, be allowed, be permitted, supposed to,
    gain, gains, has to have, want to, want, be granted, is permitted,
    is to, are to, is to be, are to be`,
  wish: `
    i want, i would like, we want, we would like, we need, i need, make sure, ensure, see to it,
    i want you, i would like you, i need you, id like, we need you, i am asking you, i wish,
    it should be possible for, arrange for, see that, i d like, be sure, is it possible,
    we have to, i have to, it is time to, time to, it is necessary that, it is required that,
    it is important that, i need that, we need that, i want that, it must be possible for,
    it should be allowed for, it must be allowed for, it should be permitted for,
    it would be necessary to, it is necessary to, i would wish for,
    make it possible for, make it possible that, it shall be possible for,
    it is requested that, we request that, i request that, we ask that, i ask that,
    it is asked that, we kindly request that, we kindly ask that, you are asked to,
    you are requested to`,
  polite: `
    please, pls, plz, kindly, can you, could you, would you, will you, can we, could we,
    would you mind, go ahead and, go ahead, if you would, if you can, if possible, thanks,
    thank you, thx, hey, hi, hello, ok, okay, so, well, great, cheers, for me, for us,
    would you please, could you please, can you please, i think, shall we, let us, let 's, lets,
    if you could, now please, be so kind and, be so kind as to, i was wondering if you could,
    may i ask you to, do me a favor and, many thanks, in advance, caracal, operator, dear,
    yes please, alright, right then, mind, good morning, good evening, can i ask you to, you,
    may i, can i, could i, let me, quick one, quick question, quickly, for the team,     hi team, hi all, hello team, hey team, dear team, hi folks,
    we should be grateful if you would, we should be grateful if you could,
    we would be grateful if you would, we would be grateful if you could,
    i would be grateful if you would, i would be grateful if you could, yo,
    would appreciate it if you could, it would be great if you could,
    it would be nice if you could, could someone please, can someone please,
    could somebody please, emergency, urgent, urgently, regards, best regards, kind regards,
    do me a favour and, do me a favor, do us a favour and`,
  but: 'but',
  filler: `
    a, an, the, my, our, your, some, to, of, on, for, in, at, with, by, as, into, onto, over,
    from, upon, towards, toward, be, been, being, is, are, was, were, am, do, does, did, has,
    have, had, that, which, who, so that, there, to be, and, or, plus, then, also, too, as well,
    as well as, additionally, again, still, immediately, right now, right away, straight away,
    asap, at once, now, simply, actually, from now on, going forward, me, us, i, we, already, 's,
    here, in here, in total, exist, exists, in addition, along with, together with, against,
    about, regarding, concerning, currently, at the moment, at present, right, one, ones, own,
    kind of, having, under, following, these, those, inside of, both, really,
    furthermore, moreover, level, get, got, such, any, there is, there are, next, finally, first,
    afterwards, after that, secondly, entry, entries, well, hereby, something, starting now,
    effective immediately, as of now, as of today, straightaway, whole, from today on, from today,
    starting today, beginning today, effective today, from now, with effect from today,
    with immediate effect, effective immediately, exactly`,
  user: `
    user, the user, on behalf of, on behalf of user, acting for, when acting for, for user,
    for the user, bound to user, person, behalf`,
  because: 'because, because of, due to, since we, as we, so we can, reason',
  yes: `
    yes, yep, yeah, sure, correct, exactly, indeed, yes do it, do it, do that, right, y, aye,
    go for it, sounds good, that is right, that one`,
  cancel: `
    never mind, nevermind, cancel, forget it, forget that, stop, abort, scratch that, leave it,
    cancel that, no don't, no dont, don't, don't do it, don't do that, hold on, wait,
    wait a moment, wait a second`,
  help: `
    help, what can you do, what do you do, how does this work, who are you, what are you,
    what do you understand, what can i ask, what can i say, what can you help with`,
  greeting: `
    hi, hello, hey, good morning, good afternoon, good evening, greetings, howdy, hi there,
    hello there, hey there`,
  thanks: `
    thanks, thank you, thx, cheers, many thanks, great, perfect, awesome, nice, thanks a lot,
    ok thanks, cool`,
  permanent: `
    permanent, permanently, forever, indefinitely, for good, without expiry, without an expiry,
    without expiration, with no expiry, no expiry, never expires, never expire, not expire,
    without end, unlimited, with no end, without time limit, without a time limit, no time limit,
    open-ended, unlimited in time, no end date, without end date, without an end date,
    time-unlimited`,
  'word:arrow': '->, =>, →, =',
}
