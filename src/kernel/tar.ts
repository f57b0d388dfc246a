/** One file of a tar archive (POSIX.1-1988 ustar: name at 0, octal size at 124, blocks of 512). */
export function fileOfTar(archive: Buffer, path: string): Buffer {
  for (let at = 0; at + 512 <= archive.length;) {
    const name = archive.toString('latin1', at, at + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 136), 8) || 0
    if (name === path) return archive.subarray(at + 512, at + 512 + size)
    at += 512 + Math.ceil(size / 512) * 512
  }
  throw new Error(`the archive holds no ${path}`)
}
