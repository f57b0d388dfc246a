const many = 'a'.repeat(24_000)

/**
 * Rules that take very much longer than a policy has, and hardly any memory: each text is looked
 * for at every place of a text that resembles it to the end.
 */
export const endless = `
hay := "${many}"

deny contains "x" if {
  some end in ["b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"]
  contains(hay, concat("", [substring(hay, 0, 12000), end]))
}`
