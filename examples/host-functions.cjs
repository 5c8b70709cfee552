// node examples/host-functions.cjs: CommonJS, and a guest that calls back.
const { Engine, Instance, wat2wasm } = require('riptide-wasm');

async function main() {
  const engine = new Engine();
  const code = await engine.load(
    wat2wasm(`(module
      (import "env" "price" (func $price (param i32) (result f64)))
      (func (export "total") (param i32 f64) (result f64) (f64.mul (call $price (local.get 0)) (local.get 1))))`),
  );
  // Off the event loop: the host function may be async, and the guest waits for it without holding a thread.
  const shop = await Instance.create(code, { imports: { env: { price: async (item) => item * 1.5 } } });
  console.log(await shop.exports.total(4, 10));
  await shop.close();
}

main();
