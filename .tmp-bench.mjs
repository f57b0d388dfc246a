import opa from '@open-policy-agent/opa-wasm'
import { readFileSync } from 'node:fs'
const p = opa.loadPolicySync(readFileSync('/tmp/pw/policy.wasm'))
console.log(JSON.stringify(p.entrypoints), p.minorVersion)
const base = {
  zone:{id:'zone_1',active:true},
  principal:{application:'app_1',kind:'managed',labels:['team:billing'],archived:false,expired:false,user:null},
  resource:{identifier:'invoices',scopes:['invoices:read','invoices:write'],archived:false},
  scopes:['invoices:read'],
  grants:[{id:'grt_1',scopes:['invoices:read'],user:null,expired:false}],
  documents:{app_ids:{},grants:{},confinement:[],restrict:[],risk:[],approval_tiers:[],conditions:[]},
  approved:[], context:{source_ip:null,hops:0,local:{}} }
const rich = structuredClone(base)
rich.scopes=['invoices:read','invoices:write']
rich.grants.push({id:'grt_2',scopes:['invoices:write'],user:null,expired:false})
rich.documents.confinement=[{label_prefix:'kind:dcr',scopes:['*:read']},{label_prefix:'team:',scopes:['invoices:*']}]
rich.documents.risk=[{scope:'invoices:write',tier:'high'},{scope:'*',tier:'low'}]
rich.documents.approval_tiers=[{tier:'high',approver:'finance',ttl_seconds:600}]
rich.documents.conditions=[{id:'weekend',effect:'deny',reason:'x',when:{days:['sat','sun']}},{id:'night',effect:'deny',reason:'x',when:{between:['17:00','09:00']}},{id:'net',effect:'deny',reason:'x',when:{source_cidrs:['!10.0.0.0/8']}},{id:'hops',effect:'deny',reason:'x',when:{max_hops:3}}]
rich.context={source_ip:'10.1.1.1',hops:1,local:{UTC:{day:'mon',minute:700}}}
console.log(JSON.stringify(p.evaluate(base)[0].result)); console.log(JSON.stringify(p.evaluate(rich)[0].result))
for (const [n,i] of [['base',base],['rich',rich]]) { for(let k=0;k<5000;k++)p.evaluate(i); const t=performance.now(); const N=30000; for(let k=0;k<N;k++)p.evaluate(i); console.log(n, (N/(performance.now()-t)*1000)|0,'/s') }
for (const ip of ['::ffff:10.1.1.1','::1','fe80::1','bogus','10.0.0.300','', '2001:db8::5','1::2']) {
 const t=structuredClone(rich); t.context.source_ip=ip
 const o=[]
 for (const c of ['10.0.0.0/8','!10.0.0.0/8','::/0','2001:db8::/32','::ffff:0:0/96','bogus','10.0.0.0']) { t.documents.conditions=[{id:'n',effect:'deny',reason:'x',when:{source_cidrs:[c]}}]; let r; try{r=p.evaluate(t)[0]?.result.reason}catch(e){r=String(e.message??e)}; o.push(c+'='+r)}
 console.log(ip,o.join(' '))
}
for (const m of [539,540,1019,1020,0,1439]) { const t=structuredClone(rich); t.documents.conditions=[{id:'n',effect:'deny',reason:'x',when:{between:['09:00','17:00']}}]; t.context.local.UTC.minute=m; console.log(m,p.evaluate(t)[0].result.reason)}
const t=structuredClone(base); t.scopes=['a\u0000b','é😀\n\u0001']; console.log(JSON.stringify(p.evaluate(t)))
