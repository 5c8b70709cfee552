import { Failure, oneLine } from './failure.js';

/**
 * Writes to standard output; resolves once the system has taken it. A reader that has seen enough (`| head`) ends the
 * process, and is no failure.
 *
 * @throws Failure what the system says, such as that a disk is full
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) return resolve();
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit();
      reject(new Failure(`standard output: ${oneLine(error)}`));
    });
  });
}
