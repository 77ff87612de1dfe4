// The control API. The token comes once, behind the # of the address, where
// no server and no log sees it, and stays in this tab.

const KEY = 'turnpike-token';
const PATIENCE_MS = 10000;

export class ApiError extends Error {
  constructor(status, { code, message, remedy } = {}) {
    super(message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = code;
    this.remedy = remedy;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  forget: () => sessionStorage.removeItem(KEY),
  // Whether it can be one: others cannot be sent in a head.
  set(value) {
    if (!/^[!-~]+$/.test(value))
      return false;
    sessionStorage.setItem(KEY, value);
    return true;
  },
  // Takes it from the address; whether there was one.
  take() {
    const said = new URLSearchParams(location.hash.slice(1)
      .replaceAll('+', '%2B'));
    if (!said.has('token'))
      return false;
    history.replaceState(null, '', location.pathname);
    return this.set(said.get('token'));
  },
};

async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${token.get()}` };
  if (body !== undefined)
    headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiError(0, { message: 'The server does not answer.' });
  }
  const answer = response.status === 204 ? undefined
    : await response.json().catch(() => undefined);
  if (!response.ok)
    throw new ApiError(response.status, answer?.error);
  return answer;
}

export const get = (path) => ask('GET', path);
export const post = (path, body = {}) => ask('POST', path, body);
export const remove = (path) => ask('DELETE', path);
