import { type About, type Rule, text } from '../schema.ts';

const NO_URL = 'is empty: write https://HOST';

const HAS_SCHEME: Rule<string> = {
  message: 'must begin with https:// or http://',
  cel: {
    rule: "self.startsWith('https://') || self.startsWith('http://')",
    messageExpression: `self == '' ? '${NO_URL}' : self.contains('://') ? 'must begin with https:// or http://' : '"%s" has no scheme: write https://%s'.format([self, self])`,
  },
  check: (url) => {
    if (/^https?:\/\//.test(url)) return undefined;
    if (url === '') return NO_URL;
    return url.includes('://') ? 'must begin with https:// or http://' : `"${url}" has no scheme: write https://${url}`;
  },
};

const URL_TEXT = 'must be https://HOST[:PORT][/PATH], without user, query and fragment';
const URL_PATTERN = '^https?://[^/?#@ ]+(/[^?#@ ]*)?$';

/** What is wrong is not quoted: somebody may have written a password into it. */
const IS_URL: Rule<string> = {
  message: URL_TEXT,
  cel: { rule: `!self.matches('^https?://') || self.matches('${URL_PATTERN}')` },
  check: (url) => (!/^https?:\/\//.test(url) || new RegExp(URL_PATTERN).test(url) ? undefined : URL_TEXT),
};

/** The end of a URL that the client itself adds, after the last character of what stands before it. */
const API_PATH = '[^/]/api(/[^/]*)?/*$';

const NO_API_PATH: Rule<string> = {
  message: 'must not end in /api or /api/APP: that is added',
  cel: {
    rule: `!self.matches('${API_PATH}')`,
    messageExpression: `'"%s" names the API itself: write %s, and the application as appID'.format([self, self.replace(self.find('${API_PATH}').substring(1), '')])`,
  },
  check: (url) => {
    const found = new RegExp(API_PATH).exec(url);
    return found === null
      ? undefined
      : `"${url}" names the API itself: write ${url.slice(0, found.index + 1)}, and the application as appID`;
  },
};

/** Where a phpIPAM is. */
export function phpIpamUrlField(about: About) {
  return text(about, { max: 512, rules: [HAS_SCHEME, IS_URL, NO_API_PATH] });
}
