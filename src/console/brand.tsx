import type { ReactNode } from 'react'

const icon = new URL('./icon.svg', import.meta.url).href

export function Brand(): ReactNode {
  return (
    <span className="brand">
      <img src={icon} alt="" width="24" height="24" />
      Caracal
    </span>
  )
}
