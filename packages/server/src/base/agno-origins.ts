/**
 * Where Agno's own web applications run: the origins that browsers may call from unless others are configured.
 * @module
 */
export const AGNO_ORIGINS: readonly string[] = [
  'http://localhost:3000',
  'https://agno.com',
  'https://www.agno.com',
  'https://app.agno.com',
  'https://os-stg.agno.com',
  'https://os.agno.com',
]
