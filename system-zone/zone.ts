/** The reserved zone: the platform's own. Nobody but the platform changes it (authority.md). */
export const zone = { name: 'caracal.sys', slug: 'caracal-sys' } as const
