import { Engine, Pool, wat2wasm } from '../dist/index.js';
import { Piscina } from 'piscina';
import { compare, inFlight } from './measure.mjs';
const e = new Engine({cache:false});
const code = await e.load(wat2wasm('(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'));
const p = new Pool(code, {min:2,max:2,reuse:true});
await p.ready();
const { add } = p.exports();
const piscina = new Piscina({ filename: new URL('./piscina-worker.mjs', import.meta.url).href, minThreads:2, maxThreads:2 });
for (const [w,n] of [[1,2000],[64,20000]]) { const t = await compare({bound:()=>inFlight(w,n,()=>add(1,2)), call:()=>inFlight(w,n,()=>p.call('add',[1,2])), piscina:()=>inFlight(w,n,()=>piscina.run([1,2]))}, 7);
 console.log(w, Object.entries(t).map(([k,v])=>k+' '+(v/n*1e3).toFixed(2)).join(', '), 'ratio bound', (t.piscina/t.bound).toFixed(1), 'call', (t.piscina/t.call).toFixed(1)); }
process.exit();
