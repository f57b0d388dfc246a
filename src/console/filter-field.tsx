import { useId, type ReactNode } from 'react'

interface FilterFieldProps {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
  readonly type?: 'search' | 'datetime-local'
  /** The values to choose from, where they are known; the empty one is all of them. */
  readonly options?: readonly (readonly [value: string, text: string])[]
}

/** One filter above a list, with its label. */
export function FilterField(props: FilterFieldProps): ReactNode {
  const { label, value, onValue, type = 'search', options } = props
  const id = useId()
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      {options === undefined ? (
        <input
          id={id}
          type={type}
          spellCheck={false}
          value={value}
          onChange={(event) => onValue(event.target.value)}
        />
      ) : (
        <select id={id} value={value} onChange={(event) => onValue(event.target.value)}>
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </select>
      )}
    </div>
  )
}
