import { readFileSync, writeFileSync } from 'node:fs'
import { converse } from './tool-backend.ts'
import { zones } from './zone-fixture.ts'
const [,, input, output, title] = process.argv
const out: string[] = [`# ${title}`]
let zone='default'
for (const line of readFileSync(input!,'utf8').split('\n')) {
  if (!line.trim()) continue
  const h=/^## (.*)$/.exec(line); if (h) { out.push(`\n# ${h[1]}`); continue }
  const zz=/^@(\S+)$/.exec(line); if (zz) { zone=zz[1]!; continue }
  const say=line.split(' // ')
  const z=zones[zone]!()
  const names=new Map<string,string>()
  for (const k of ['applications','resources','providers','policies','policySets'] as const) for (const o of z[k]) names.set(o.id,k==='applications'||k==='resources'?`$${k==='applications'?'app':'res'}:${o.name}`:`$${k==='providers'?'prov':k==='policies'?'pol':'set'}:${o.name}`)
  z.grants.forEach((o,i)=>names.set(o.id,`$grant:${i+1}`))
  for (const o of z.policies) names.set(o.latest_version.id,`$version:${o.name}`)
  for (const o of z.policySets) names.set(o.latest_version.id,`$version:${o.name}`)
  const r=await converse(z,say)
  const alias=(v:any):any=>typeof v==='string'?(names.get(v)??v):Array.isArray(v)?v.map(alias):v&&typeof v==='object'?Object.fromEntries(Object.entries(v).map(([k,x])=>[k,alias(x)])):v
  const item:any={ say: say.length===1?say[0]:say }
  if (zone!=='default') item.zone=zone
  if (r.last) item.plan=r.last.steps.map(s=>({ [s.operation]: alias(s.input), ...(s.zone&&{zone:s.zone}) }))
  else if (r.outcome==='question') item.question=r.text.split('\n').at(-1)!.replace(/[a-z]+_0{20}\d+/g,m=>names.get(m)??m).slice(0,70)
  else if (r.outcome==='not_understood') item.not_understood=/understand: (.*)\. Say/.exec(r.text)?.[1] ?? r.text.slice(0,60)
  else item.answer=r.text.replace(/ \((?:app|res|prov|grt|pol|polv|pset|psetv|zone|evt)_0[^)]*\)/g,'…').split('…')[0]!.split('\n')[0]!.slice(0,90)
  const J=JSON.stringify
  const lines=[`- say: ${J(item.say)}`]
  for (const k of ['zone','question','answer','not_understood']) if (item[k]!==undefined) lines.push(`  ${k}: ${J(item[k])}`)
  if (item.plan) { lines.push('  plan:'); for (const s of item.plan) { const [op]=Object.keys(s); lines.push(`    - { ${op}: ${J(s[op!])}${s.zone?`, zone: ${J(s.zone)}`:''} }`) } }
  out.push(lines.join('\n'))
}
writeFileSync(output!, out.join('\n')+'\n')
