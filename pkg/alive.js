// The lock that a shared worker holds as long as it lives: by it others know that there is one, and when it is gone.

const of = (name) => `sae-explorer shared ${name} `;

/** Holds it in the worker, whose scope is given; gives its name. */
export function holdAlive({ name, location, navigator }) {
  const lock = of(name) + location.href;
  navigator.locks?.request(lock, () => new Promise(() => {}));
  return lock;
}

/** True if some worker of a name lives. */
export async function isAlive(name, locks) {
  const { held } = await locks.query();
  return held.some((lock) => lock.name.startsWith(of(name)));
}
