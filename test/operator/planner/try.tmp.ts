import { readFileSync } from 'node:fs'
const { converse } = await import('/work/main/test/operator/planner/tool-backend.ts')
const { zones, idOf } = await import('/work/main/test/operator/planner/zone-fixture.ts')
const lines = readFileSync(0,'utf8').split('\n').filter(l=>l.trim())
const z = zones[process.argv[2] ?? 'default']()
const names=new Map<string,string>()
for (const k of ['applications','resources','providers','policies','policySets']) for (const o of (z as any)[k]) names.set(o.id,'$'+o.name)
for (const o of z.grants) names.set(o.id,'$g'+Number(o.id.slice(-3)))
for (const o of z.policies) names.set(o.latest_version.id,'$v:'+o.name)
for (const o of z.policySets) names.set(o.latest_version.id,'$v:'+o.name)
const pretty=(s:string)=>s.replace(/[a-z]+_0{20,}\d+/g,(m)=>names.get(m)??m)
for (const l of lines) {
  let r; try { r = await converse(zones[process.argv[2] ?? 'default'](), l.split(' // ')) } catch(e) { console.log('!!', l, e); continue }
  console.log(`\n> ${l}\n  [${r.outcome}] ${pretty(r.text).slice(0,400)}`)
  if (r.last) for (const s of r.last.steps) console.log('   -', s.id, s.operation, s.zone??'', pretty(JSON.stringify(s.input)))
}
