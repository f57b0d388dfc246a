import {parseDocument} from './src/policy/documents.ts'
import {limits} from './src/kernel/limits.ts'
const size = limits.documentBytes - 100
for (const [l,s] of [
    ['json', '['.repeat(size)],
    ['json', `{${Array.from({ length: size / 12 }, (_, key) => `"k${key}":1`).join(',')}}`],
    ['yaml', '['.repeat(size)],
    ['yaml', '{'.repeat(size)],
    ['yaml', '- '.repeat(size / 2)],
    ['yaml', '? '.repeat(size / 2)],
    ['yaml', Array.from({ length: size / 12 }, (_, key) => `k${key}: 1`).join('\n')],
    ['yaml', `a: "${'\\n'.repeat(size / 2 - 10)}`],
    ['yaml', '&a '.repeat(size / 3)],
    ['yaml', '!a '.repeat(size / 3)],
    ['yaml', 'a:\n'+' b: |\n'.repeat(size/8)],
    ['yaml', '"a\n'.repeat(size/4)],
    ['yaml', '[a,'.repeat(10)+'a,'.repeat(size/2-100)],
    ['yaml', '{'+'a,'.repeat(size/2-100)+'}'],
    ['yaml', '#\n'.repeat(size/2-100)],
    ['yaml', '---\n'.repeat(size/4-100)],
    ['yaml', 'a: >\n'+' \n'.repeat(size/2-100)],
    ['yaml', '%a\n'.repeat(size/3-100)],
    ['yaml', '"\\x'.repeat(size/3-100)],
    ['yaml', '@'.repeat(size)],
    ['yaml', ']'.repeat(size)],
    ['yaml', ':\n'.repeat(size/2)],
]) { const t=performance.now(); let m='ok'; try{parseDocument({language:l,source:s})}catch(e){m=e.code+' '+e.message.slice(0,80)} console.log(l, JSON.stringify(s.slice(0,12)), (performance.now()-t)|0,'ms', m)}
