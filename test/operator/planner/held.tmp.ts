import { readFileSync } from 'node:fs'
import { converse } from './tool-backend.ts'
import { stepsOf } from './phrases.ts'
import { zoneFixture } from './zone-fixture.ts'
let exact=0,ask=0,wrong=0,total=0
for (const line of readFileSync(process.argv[2]!,'utf8').split('\n')) { if(!line.trim()) continue
 const [say='',want='']=line.split(' => '); total++
 const got=await converse(zoneFixture(),[say])
 const plan=JSON.stringify(stepsOf(got.last?.steps??[]))
 let verdict
 if (want.startsWith('!')) verdict = got.last? 'WRONG' : got.outcome==='done'&&got.text.includes(want.slice(1).trim())?'exact':got.outcome!=='done'?'ask':'WRONG'
 else if (want==='?ok'||want==='?') verdict = got.last? 'CHECK':'ask-ok'
 else { const w=await converse(zoneFixture(),[want.replace(/^\?/,'')]); const p=JSON.stringify(stepsOf(w.last?.steps??[])); if(!w.last) console.log('!! canonical fails',want,w.text); verdict = plan===p?'exact':got.last?'WRONG':want.startsWith('?')?'ask-ok':'ask' }
 if (verdict==='exact') exact++; else if (verdict.startsWith('ask')) ask++; else wrong++
 if (verdict!=='exact') console.log(verdict,'|',say,'|',got.outcome,got.text.slice(0,150).replace(/\n/g,' / '), got.last?plan.slice(0,300):'')
}
console.log({total,exact,ask,wrong})
