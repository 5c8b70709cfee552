// A process of one of the commands, asked one thing at a time.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Half of what a process waits for another's compiler: who has no answer by then waits for one who is gone. */
const HUNG_MILLIS = 30_000;

export class Process {
  #child;
  #gone;
  #warnings = [];
  #answer = () => {};
  /** When it has loaded everything. */
  ready;

  constructor(script, args) {
    // Its warnings are told here.
    this.#child = fork(script, args, { serialization: 'advanced', execArgv: ['--no-warnings'] });
    this.#gone = once(this.#child, 'exit');
    this.ready = new Promise((resolve, reject) => {
      this.#gone.then(([code, signal]) => reject(new Error(`a process ended with ${signal ?? code}`)), reject);
      this.#child.on('message', (message) => {
        if (message === 'ready') resolve();
        else if (message.warning) this.#warnings.push(message.warning);
        else this.#answer(message);
      });
    });
    // Told to who awaits it, and to nobody where nobody does.
    this.ready.catch(() => {});
  }

  /** What it answers; `undefined` where it is killed before, or hangs. */
  async ask(question) {
    let late;
    const answer = new Promise((resolve) => {
      this.#answer = resolve;
      late = setTimeout(resolve, HUNG_MILLIS);
      this.#gone.then(() => resolve());
    });
    this.#child.send(question);
    const given = await answer;
    clearTimeout(late);
    return given;
  }

  /** What it complained about since the last time. */
  takeWarnings() {
    return this.#warnings.splice(0);
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }
}
