import { tool } from '@agentos/sdk'
import { z } from 'zod'

const CLIMATES: Record<string, { celsius: number; wind: number; sky: string }> = {
  berlin: { celsius: 11, wind: 14, sky: 'partly cloudy' },
  cairo: { celsius: 27, wind: 12, sky: 'sunny' },
  lagos: { celsius: 30, wind: 9, sky: 'humid with a chance of thunderstorms' },
  london: { celsius: 10, wind: 18, sky: 'light rain' },
  mumbai: { celsius: 31, wind: 11, sky: 'hazy sunshine' },
  'new york': { celsius: 9, wind: 20, sky: 'clear' },
  oslo: { celsius: 4, wind: 8, sky: 'light snow' },
  paris: { celsius: 12, wind: 13, sky: 'overcast' },
  'san francisco': { celsius: 15, wind: 22, sky: 'fog, clearing in the afternoon' },
  'são paulo': { celsius: 24, wind: 7, sky: 'scattered showers' },
  sydney: { celsius: 23, wind: 16, sky: 'sunny' },
  tokyo: { celsius: 14, wind: 10, sky: 'clear' },
}

/** A real one would call a weather service with `fetch(url, { signal: ctx.signal })`; this one needs no network. */
export const getWeather = tool({
  name: 'get_weather',
  description: 'Current weather in a city',
  input: z.object({ city: z.string().describe('Name of the city, for example "Oslo"') }),
  effect: 'read',
  run: ({ city }) => {
    const climate = CLIMATES[city.trim().toLowerCase()]
    if (climate === undefined)
      throw new Error(`No weather for "${city}". Known cities: ${Object.keys(CLIMATES).join(', ')}`)
    return { city, temperature_celsius: climate.celsius, wind_kmh: climate.wind, sky: climate.sky }
  },
})
