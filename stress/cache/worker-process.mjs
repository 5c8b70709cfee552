// A worker process of one of the commands; it answers one question at a time.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Half of the time that a process waits for another's compiler: without an answer by then, it waits for a process that is gone. */
const HUNG_MILLIS = 30_000;

export class WorkerProcess {
  #child;
  #gone;
  #warnings = [];
  #answer = () => {};
  /** When it has loaded everything. */
  ready;

  constructor(script, args) {
    // Its warnings arrive as messages, not on stderr.
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
    // A rejection is for callers that await it; without one it must not count as unhandled.
    this.ready.catch(() => {});
  }

  /** Its answer; `undefined` if it is killed before, or hangs. */
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

  /** Its warnings since the last time. */
  takeWarnings() {
    return this.#warnings.splice(0);
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }
}
