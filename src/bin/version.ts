/** Replaced by the build with the version of package.json. */
declare const FAIRLEAD_VERSION: string;

export const VERSION: string = typeof FAIRLEAD_VERSION === 'string' ? FAIRLEAD_VERSION : 'development';
