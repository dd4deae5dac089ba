/** What a Secret has for an external system: a user, or a code that stands for the application (`auth: AppCode`). */
export type Credentials = { readonly username: string; readonly password: string } | { readonly code: string };
