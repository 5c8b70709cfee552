import { Failure } from './failure.js';

/**
 * Imports what needs other packages, which are not installed with this one.
 *
 * @throws Failure which of them to install, if one is missing
 */
export async function importWithPeers<T>(what: string, peers: readonly string[], load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code !== 'ERR_MODULE_NOT_FOUND' || !peers.some((peer) => String(message).includes(`package '${peer}'`)))
      throw error;
    throw new Failure(`${what} needs ${peers.join(' and ')}: npm install ${peers.join(' ')}`);
  }
}
