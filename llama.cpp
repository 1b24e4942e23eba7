<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-dA1sfS/XI4YiD+utYueYJ+ogy28tbjsu0h9lChctpUQ='">
<title>numpygpt: Hi\xcd haout</title>
<style>
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1a1a; --soft: #595959; --line: #c9c9c9;
  --panel: #f5f6f8; --accent: #0b5fae; --good: #1d6b2a; --bad: #a3261b;
  --shade: 11, 95, 174;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --ink: #e8e8e8; --soft: #a8adb5; --line: #43474e;
    --panel: #1d2026; --accent: #7cb8f2; --good: #7ccf8a; --bad: #f28b82;
    --shade: 90, 160, 235;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 0 1rem 2rem; max-width: 78rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; margin: 1rem 0 0; }
h2 { font-size: 1.1rem; margin: 0 0 .3rem; }
main { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
section { background: var(--panel); border-radius: .5rem; padding: .8rem 1rem; }
#text-section, #attention-section, #lens-section, #beams-section { grid-column: 1 / -1; }
@media (max-width: 52rem) { main { grid-template-columns: minmax(0, 1fr); } }
.hint, footer, figcaption { color: var(--soft); font-size: .9rem; margin: .2rem 0 .6rem; }
.row { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; align-items: center; }
.scroll { overflow-x: auto; }
button, select, input { font: inherit; }
button {
  color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: .3rem; padding: .15rem .6rem; cursor: pointer;
}
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }

/* Tokens: --p is a probability, 0 to 1 */
.token {
  display: inline; margin: 0; padding: .1rem 0; border: 0; border-radius: .15rem;
  background: rgba(var(--shade), calc(var(--p, 0) * .55)); white-space: pre-wrap;
  line-height: 1.9; text-align: left; overflow-wrap: anywhere;
}
.token.prompt { border-bottom: 2px solid var(--line); border-radius: 0; }
.token[aria-current] { outline: 2px solid var(--accent); background: var(--paper); }
#text { font-size: 1.1rem; }
#said { min-height: 1.5rem; margin: .4rem 0 0; }

table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; padding: .12rem .5rem .12rem 0; white-space: nowrap; }
th { color: var(--soft); font-weight: normal; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .95em ui-monospace, monospace; white-space: pre; }
#candidates td.bars { width: 40%; }
.bar { height: .45rem; border-radius: .2rem; background: var(--accent); min-width: 1px; }
.bar.offered { background: var(--line); margin-bottom: .1rem; }
tr.chosen code { font-weight: bold; text-decoration: underline; }
tr.gone { color: var(--soft); }
.gone-by { color: var(--bad); }
.answer { color: var(--good); font-weight: bold; }

#links { list-style: none; margin: .6rem 0 0; padding: 0; }
#links > li { border-top: 1px solid var(--line); padding: .35rem 0; }
#links .row > label:first-child { min-width: 11.5rem; }
#links input[type=range] { flex: 1; min-width: 5rem; accent-color: var(--accent); }
#links input[type=number] { width: 5.5rem; }
#links .result { font-size: .85rem; color: var(--soft); }
#links .off .result { display: none; }
.sub { padding-left: 1.6rem; }
@media (max-width: 52rem) {
  #links .row { flex-wrap: nowrap; gap: .4rem; }
  #links .row > label:first-child { min-width: 0; flex: 0 1 9.5rem; overflow-wrap: anywhere; }
  #links input[type=range] { min-width: 3rem; }
  #links input[type=number] { width: 4.5rem; }
}
.token.next { color: var(--soft); margin-left: .5rem; font-style: italic; }
#trouble { color: var(--bad); }

#heads { display: grid; gap: 3px; overflow-x: auto; margin: .6rem 0; }
#heads button { padding: 0; line-height: 0; border-width: 2px; }
#heads button[aria-pressed=true] { border-color: var(--accent); }
canvas { image-rendering: pixelated; display: block; }
#one-head { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) auto; }
@media (max-width: 52rem) { #one-head { grid-template-columns: minmax(0, 1fr); } }
#map { width: min(20rem, 80vw); height: min(20rem, 80vw); border: 1px solid var(--line); }
figure { margin: 0; max-width: 20rem; }
#lines { position: relative; line-height: 2.6; padding-top: 1rem; }
#lines svg { position: absolute; inset: 0; pointer-events: none; overflow: visible; }
#lines path { fill: none; stroke: var(--accent); }
#lines .token { line-height: 2.6; }

details { margin-left: 1rem; }
.leaf { margin-left: 2rem; }
#beams > details, #beams > .leaf { margin-left: 0; }
summary { cursor: pointer; }
.dead { color: var(--soft); }
.why { color: var(--bad); font-size: .9rem; margin-left: 2.2rem; }
kbd { border: 1px solid var(--line); border-radius: .2rem; padding: 0 .3rem; }

</style>
</head>
<body>
<header>
  <h1>See it think</h1>
  <p id="about"></p>
</header>
<main>
  <section id="text-section" aria-labelledby="text-title">
    <h2 id="text-title">The text</h2>
    <p class="hint">Click a token, or press <kbd>←</kbd> and <kbd>→</kbd>. The darker a
      token, the likelier the model found it. The prompt is underlined.</p>
    <div id="text" role="group" aria-label="The text, token by token"></div>
    <p id="said" aria-live="polite"></p>
  </section>
  <section id="next-section" aria-labelledby="next-title">
    <h2 id="next-title">What may come next</h2>
    <p class="hint" id="next-hint"></p>
    <table id="candidates"></table>
  </section>
  <section id="chain-section" aria-labelledby="chain-title">
    <h2 id="chain-title">The chain</h2>
    <p class="hint">From the model's logits to what is drawn from. Switch a link on or
      off, move its slider, and see who survives.</p>
    <div class="row">
      <label><input type="checkbox" id="do_sample"> do_sample: draw, else take the
        likeliest</label>
      <label>chain <select id="order"></select></label>
      <button type="button" id="reset">as in the run</button>
    </div>
    <ol id="links"></ol>
    <p id="trouble" role="alert"></p>
  </section>
  <section id="attention-section" aria-labelledby="attention-title">
    <h2 id="attention-title">Attention</h2>
    <p class="hint" id="attention-hint"></p>
    <div class="row">
      <label>layer <select id="layer"></select></label>
      <label>head <select id="head"></select></label>
    </div>
    <div id="heads" role="group" aria-label="All heads, a row a layer"></div>
    <div id="one-head">
      <div id="lines"></div>
      <figure>
        <canvas id="map" role="img"></canvas>
        <figcaption>The whole head: a row for each token that looks, a column for each
          that it looks at.</figcaption>
      </figure>
    </div>
    <p id="looks"></p>
  </section>
  <section id="lens-section" aria-labelledby="lens-title">
    <h2 id="lens-title">The logit lens</h2>
    <p class="hint" id="lens-hint"></p>
    <div class="scroll"><table id="lens"></table></div>
  </section>
  <section id="beams-section" aria-labelledby="beams-title">
    <h2 id="beams-title">The beam tree</h2>
    <p class="hint" id="beams-hint"></p>
    <div id="beams"></div>
  </section>
  <section id="merges-section" aria-labelledby="merges-title">
    <h2 id="merges-title">The tokenizer</h2>
    <p class="hint">A word starts as bytes. Merges make them one, the earliest learned
      first.</p>
    <div id="merges"></div>
  </section>
</main>
<footer>
  <h2>What this page holds</h2>
  <ul id="holds"></ul>
</footer>
<noscript>This page computes with JavaScript, which is switched off here.</noscript>
<script type="application/json" id="data">{"n_tok":5,"n_prompt":2,"n_vocab":557,"n_layer":2,"n_head":2,"logits":"5GgjPVVFbz2Io6A9dphOvTakoD3YFuc8lgShvRDWE719emC9cxMEPSGphz3xj0A9oLqhvQVrrz1ihoq9BukPvZ7WdL2z8wQ9suk1vWuHIrsVRo29J+zDuzieo7wXTGy9y0Rqu+fUhjynQO0848Lvu1uoSr0gaBA8z+eDPW6bSr2Q2r28vImRPb9Ixj3E99w8Tw7SPZlJfL2G1fw7UrqaPdC2szxapaG9rdwMPQSxgr3AnqI9NbKTvB/PZb3w8Eo9TUNqvQ0cXD1dhU69ujeTvRamFD0FLQo8YRljPXkJBj5gVju8+g4MuLwCEL7OhhK8x0/Hvdq5HT2I1LE7tBQePK62vrxPY6o8TvsnPYxfib3PYM483g5lO4W6r7vm/yK8pkAFvLKudb2byag8eOv7vZvbYD0p8Z+9rN67PcCLbj1hhK89QrIovFXqTLyTvAQ9xsklveTLtbxaZG49Uw+IvUzLuLqAqpG9RoI2PZ2BKDuUEmM9loU4vSIxdTuoBks9eGMOvQZjgz0/5Fq9b/GVPcPUlz2gZp29PreIPe2YdL1INS49o2EdPXWsnb1KtLq9zeDSvb2TFToeskA8L06/PKqASbvU3xw9athBPYTM2rzPooq8q+DvPUL3Rj1THl08ttQQvc7tqzscaco8X675Pav87L2h/vG9PTM2vfqAqD2XHpA8gbPAOwbeVTwzYEE9odp+vXOLRT3Q7m+7hmfLvYOpwb1uZEy9vpT0u/OQxjva53S8pfWEvbexzLw5am693R1cPZsYi71tDco7YpRuPWj0nb35BQ6+3H6nPD5mxrzpfjq9/94Gvbxv/T2pW/m7+ut6PKz2Eb3ITTk9Kok1PagJNb1PbUg7MpGhPRClDDyO94O8bgDmPQTPUby2pcy9vckLvVpMwT0uh0G9xFsiPfIhE7y0UNM9sQSuPfq0/DoEugO+kWWgvIc+IL34uys81DiHPfpftj0V4w+9JCejPeV4gT1a8V099sgZvtUeDLy/py09MBG1PDEe1bu6lcO87welPT6TYT3+WrM9DdwLPDKmBj0UbAk+tEJpPUrAwbzzulU8mC/JOzZ/Nr1Kjfu8SjazvRK2PjzpjEo9xXVZPWllbD1Eodo8kqfVvZQxKTzRaCe8kG6WO0XXkD3Ml4U967FzvLcIA73yO9C9zhNlveYIDr2plbU9VblMus7rPz343Eq9W6ayuggS6ryq1969uaELPCTZh7oIrXg7h1CQPUZf3r0UBgU+Q/kbPV+Akj3rEdE9GqhqvPi4xb1NL988oTyIvOwQWbxsoDe8SE81vZvykz1PkOw4vEu8vMPXrT2ZbTO9ILosu9avXD2hKD+9IOWlPH7ML7twWLm6sI1avfdL37yfNz29/IhtPWNIOb29bSW9+eI4PShP2b0gXiK94OIRudPaK71Oehe9EPTdPRfFJb2KAGY8uV2+PGlaV72gN9y8kTQPupxwgT16ooM9JvMpvcESiz3tXhA+FQitPOYc9rzKKRm8lTFpvZ+yHDy/YYo8J3+YvR+0lL1r2z29BZ0GPdHLxrweGKM9yzEbPX8lXDy0M549L3fXPY14iDuYR1s9F3fVuyTBmLtbYN28TtiBPXC0g7vkZAe8jt6MvRiUgDwP/LG9cEF0PGkdqr3y1p49+v+QPfaH7r1BE/g83gSUvMBvYzvj9U49SmUdPZbRSrswG1w8Ney1PcXqPz0R0y+9DV93PYSXm7ydax48aLvFvUTyZrz1VKk721LuPPxrAT1A6g466mCAvFh2CT4DTGC93YCfPbf+S73EUsg7qt4Pvk3JAb0EuE898YyZPJKclLw0jma8dMTAPZKWw73SFq+9c675PUGey7k2Hco8ZtX6u+wjBj11zLm7kn2PPInYRTsX4zQ7uq7OPO8NRzxsOd+8eujhuoAcsjwIhHO9XmupPP2MZj1fqYM9GCYrvdUeCryPenK9v+83PaXEODwLK8S9jQOSPEoUmj16Pqk9/+YlPYDQNj3Snk89dZJGPZe5Rry5Xrw9UpEDvX1ilb3Te8s9xlpVPQ2sDTwMT2W9A+5SPVYLbrzbgCY7fxw1vfgk0j1U1oU8etGOvQIApLzyyai7uIg3Owbor70bApA8I4XXO90CwbyGh+E7NhQcvE9hyzzLXY29A3fPPUuUCj6SPcI9sXWkPUneXjy7/8w9eN0GPQaTgr3nM4I7WTFRvTHMT702S6i7yJmbPcB8aT36xgE9QQ1FvegQej3pziq9yxVcPWZ5tTuLVmu9yQqTvNIjBr5SFRA83DSiPGzX3T2pM7u8aPI0PZJwlzq7wVy9sWYRvY6uBT3v1us9H1eAvWQ0nj1xloy8RFSFvYkuYz2Okws8RnsmvWUupL1KljO9uVjYPF7LZryf72U9q4bFPEV8S7xH8V+8BpTIu4m1LL63JJi8aXmUvMC0HD0ZRDk9TOGluxb+JjzFzAe9YLZivWFuir2tDfc8Ptd1vEEXGb0IMrC7tgWcvVOmjLwfKoG9M1cHPJ1w5by1EeO8NP7OPLmD47wmEh490ov1vJqplz3VqSI9cyKhPdYah71BcQq9LTcvPbz3jz2lxLY9UXyEPA5m+7uocES9Fd9tvSyroL119Vm9nngovTYdMz3X9oY9TpS/vcfQujyq2ti8v1CZu9M4ULwdHPw72uenvMopdT2FlL07SZvuPFHmHz1osuG8io8DPYtAbL362788sJOVPDx+1zu4KcO8bHOivGePJL1oJlw9QLH+uwKgaz3fp0K9+i2UvdIj0T1xiGQ8lnBqvPVqsT3iftC7VVoWvrQHFzvZR6g7pR8UPckUb72OKra8GuCNvaeeqTpfKcO9vdRpPXAX7T0VuYq8pZFqveE0JbzW/2y9C9Obu5Xcz7rZ8169Zey5vaaGdT0w1iI9NBYAu7uFwrtoaK49aw8CPblxJL1Vvck9Z+QBPidpZ72USTI9qhGEPJsYtr09NVG99+dIvVb4SL3FOn29vcbXPM/bTD1y3qE9t2byvOG7mLmgTw+88C+Eva0Hlb1qqEi98oEwvTpuIzzyAIs8S0iIPf43GrtFMMk9rmLwPRqonT0/KZS9gdUgPdJnj70bQIq8ovHlvZRmkz1obMg7V2n1vehMkL33CAU8l8nyPC6QNDzYiEY9iI2RvFvo071eT7g8SscvPEDlcj3PDpe9PGXpvMkLEL3Oc+i81ijFvMkQw730i288iiQ9PdM2MLxoXYY9y2pGOya8mLthLkK9lTwAPTdL171h2Ek7Cozcu70r9jyJi1s9kG+rPL7wYDVeSla9QTycPKvEkbw1I6+9lL7CPYd5kT0oISi9+grQvA0wVr3KnHQ8VK3kvGEQJ71Pi/k8VWwbvH4foL3kKac9TA/XvM0eRj3Hnia8Mcq3PV+wWr0L/HA8bWmtPGf5iT1cCoG8zFLSPCouwTxYXOS8vThPvfw7ADtn6DK8vNeUvLFbI70BM0M9B156PBlxZj1IBcC9LrwQPTSdrj3htpC9TnTHPFWE7jw1WgU9atTHuzK8tr1U7B46i7JpvYLnHD0k2os9XSjHvBILL73pi9C9Cbs2PH/rpT0Sf1A9ea0pPSG+XTyPX6S9USFfPQH7sLs85ui8gDifPXBtIz09j6G9hfTHPS1cmD1S2Ii8EDKUutYjTb0qLhs9EHDePDdvPj0D1oS91vw0vYQdlD1+UsE7op6LuyyDKr0kbFm9nTqSvc3DbrwROcm8bD4KPKNT2z2SlV68W+stvX3tWb2JDp89++T2vSnJAzyd4Ds9YauSvVju7L2SIQU9zFJJvdAIyDwro189wXmPPSccN72eOVk9cIZMvc8Pt7orxqC9BTFpvUSGtDxDLUM8nmgnPb3RgL1CpgI+gFBPvDmMrr1oVf68xTKKPXtkA75Btlw9pwM1PZnUw7yl3ys+vJSfPbeGa70GYA+9NDkCvJz2lT2MVIU8M5VTPZWxnr00dJ+9mn7xPKanTr1VO4e9etylPH28mT17dbS77FM7Pf0mlr1RFxU9k8mZvIohOzxrti09RMzeOiqBjz170Zo9EfUoPbobj7yKfm89JC2EvQAGMj2FsyC+RAqJPWiPsj3WXbA9WjlBPbuqybuX6om9CBt0PTJugbxWsLY9tv8uPSPRVj2CZg29vbUpvd66kr2UWRe9zpeAvXzh2j2x/4Y9aWgFvQnOJb3p2Dw8Do/Zu+b8zb3v+Ju9G2ESPe52TD0kKZO9WwwHvBZaiz0VVjo9vCgmPb8qpb3VXKC8vjSpvVPm673j3ru9VOuLO71ozr0Y3iq9euhnPVJwu7y326E7PigiPZukC7yIQwg9rvA+vRnn9LtXw9S7FSHZPP+wCL0Mctw8FHsMvN5MZTsp7YG8hXt9vL/LQr0UNLM9n8M8vY5967vHbMM8D4CGvfaltLtzVTA9fkqLve1N1ry/vua8QdQGvJUDyr2MbsC90DMKvKQR1rraqUw8Sq/QPQsCvz3BaAM9rF8EPc5Kkz1GVvG8SGSIvQYCnb3TSMm9BZ5Zvcr2iTzAcTQ9QcfbvNp6Uj1C8rC9gDb4vDBcwTvoDPM80f60PDU+Ur2KUMM8rBzdvHVjrr0jOlI7fWaRvDJ92T0I9OS9hEqLPfEpujy411O9mCtTvX5BaLzQUZg8aQupvDrYlr01T9M7FHcrPSi3vj0xloU9rHcZvSEN1rysCtK8Vyx7vYvzW7zefBI8oZ6dPDWUrTtg2Je9vW1NvBt/gbzi2sA971iVvNkaoDz8/Gu7bH2sPY+ft701/949iYCkvCboODyDKMe9CW8vPRbppDypOF8+mjM4O/Sqbry6Kkg9w1jNvStU3L2IGk88yStvveRvBr2RT5G9oBAGPRPKw7xoIt+8+3LvvOFoEbyDDqc86PuDPAI8SD3BGWe9+eIrvZnVjjyfhxu8zKnwvAphoT2PVOq8EJwXPUmqSb1pfwG8J+ohvRZM272Vcao81kgSPt0o6z0XS129IAeDOr7F1jx+x5Y9ffLFPLHW/zzfU7y9fYXbvKn0cj2X/Lm9x6MNvIf6k70LRCc8AtsBPaRjzLx+l688nkaQPKbgub3Y8Ae9ogsyvX8pDT1BE5+98GGJvU1cn7yal5I7IvoFvTj9eTzgvNi8xc7WPY8s/TtvWS8+fjfrvIKI/rzWMfk7Ycm5PK84lz20MHE9thMMvWwKBj2ojqc8cAImPBEu07zIzD484kAQvPf4kDxq+i6+9uaavXYGxL3+wEC8XUNVvUK2Lz01Eiq9DDm8vXu2l7xkOBy8F3hTPYdgaL0ysPC8R5C4PUZf2jxbjo89dAT7Oj4myz0eQge+ILS2u+VcV7zEPyA8cGrsPASZpT19+Oq6hYyVvXpJjT1DhA29DFmoPAj4VD3WqcA9+wWYPSuJWj0ENUc9dErmvInvHrrP0Ju8ADAEPECMMj3HDc48GXwkPVkUAr3gbuc8qr/uvCxrnj0ZH1m9n0myvJubc7yNRCo7qQebvNqQAT2JI4w83swCPM5tgT0Is5i4j/BdPKUKpj0PxdG9df6NOy6nHTxjquU8KHsRvYWriD2+OIW9sLuMvbU7vjwpLXc9KosYPcVuaL2AXyG9VjzJvBj4+r1ovaO99vyNvStxwLxfY2c8cu4xu66bgj2DWZy8/tBPPfo+Or3dGp+8NW08PfJamTydn5g9ArinvPa5XL1SuAo9JL/bvBI6/7xujeM8HUHgPTAOszxNrzG9rJsuvNqGzjrlE7E7AhySPB4xKD564gs9HH9EPQFonT1/Lsm8+RsMPcYDqL2kBAG+pIW4vI2AD7uTdzG9tTCiPA67DbyBKVs8I+NNPTKXSj0XOZa9zMflPZa0uT07CEa8m3Sxu9siKzw+x0o9YFfpPDLAFjtfz3y90OqIvCq6xjx3aOa8RgGwOgL3YT1DfkU91gs5vRPXLj1f6Os9mC1EvZemCzvGOZ68m/uovDq5mr2Jj2o9Ib+cvadxRr1QBqq9dMEsu6RGHj35HKe9PrcRvRTjvLuxv8a866iwPYHV4rxrIee9Qu2kPOMkET2NvsS8+Q49u4HcfDoQZ4E9O+EVPKLKybzFfgk95oLEPGzGkTxbKqk8tE+bPQQxqjwYQp69P75NvFKRGj2ddhg9xJrdug56oL3UkPw8BCDQPGenwb3LE4698V8avZ5jIL5iYRO7fJQOvGOThr1W6iU9nBFyPc4pvbursbw9ejjCvSvSJjynpL49Kgw9u4QYiT1SiqQ82VyJPTEF1ruG73+61m8+PfmmAbwDuAm+mvJqPBnL8zsScfc9L/0rPaGhBL3RB2q8CxgQPex6v70CrzM8W0+YvGpJ9Dkbudo8S3CevfKYhL0UGJy8rfCUPTgAwD2/wLA9z0ZpPV5ILD4uVR272LI0PeFxeL3YbG69sSlpveYamzssvGu9dZVzvNE5Iz0ngCK9hjObvK4E3j2WNnm9+xnJPQHCbb3YUhy9a2msvQsKEjzmUnW9bo+XPNoJZT3Uu/O9sUvcPeRCfzyOOC08I9tPO6tBV72/fVy7F6mru8Amg72NeRC8ScgsPcFpqD3W85I8PXJuPeB1Gbzn6Lg7XL3mPJAAjb1GrTk9fDcOPeVft70i9tA8WzAIvG60oTuxJnU9931OPciDgb0k2Qs+uO4kPueErD14xKK9SPwzPU+bhL3XTSC9CDjpukx30T1puAm+CWMyOvFfMD3rJ5I9HHGIPYkmibxL/Mw8ZrmjPZwDmDxaDV29X4L+PfUFCb1zphM9S0mjO8z15bw3rR09fXRvPah/FD0w2yi8diU5PSBXRj0cuca9v1aePNiqZD12yKu8xuS3vfKtb71bpeE8KFeGPU1AgL2NQaw9Go+mu8Ybur1lvgU9qZ+hPf3d1Dwwsae95BybPcGFCr1LRiM9zwL7vW4Nc7xh7bg8Ph7TPQYQBzxxplG8piILPfW0wL2MYG48jF+8O8SALr05x0u9y4p1vGB72j1nRgU9HeKvu+hbDr0JSaA9TmRHvGwv2b13cgu9g9gNPehzXb0yfQ294PK7vaW5Wb19uiM8AJ9RvB7CXT1advM8hGRfPNgDITxZK9o713KvPITqUjzf1U07wiJLPEy6oD275RU9ZqFIvaLcjrxxRcG9KmBJvZP3EbzwtM+7FeU8PPmoyz1D5RC9Y08avXqgCD2WAh+9GmvRPRnsyL1Ikds924OxPUDglzz+JeC5De/nPDH+A77LIxU+l5jsvDGbHL2inLe9o4ZPvVDiFj25pUI9VK5Kvb+fk7w/T807TbLQvKOeZz2k0KO9NERmvXhjXjkID0y9p77+PT5rFz3sygO9DYCku0RaWbxu8kw9dqC4PH5+zT1qBLW8mJKvuzyuy73ztQo9bK+LPU7ynrwc7ec9666SPfERSjv72pA9+joyPREU6L075rw9s7S4vF4pfr0y75w8Wf6OvdnZib39XMG9x3upvdpX4DxB6ZA8w/PxuyBXAzwNfAY9CXjZPa/LOT0o4he9CBRjvSwz6bziNwA9E+vJPU4oNz2+mjc98oZIvSU2j724oQu9/h4TvQgcUr3PJ4+9u8NkvYgEBT0COok913oyu/TEy7xI2hg92B+JPDec3rs2LY68k77UPYcs072EYRg97JPevex8N73AhRk+qTWAvfUmBz1Z5XW9RAIYPf8ZFb1G8vE8zX7kPNI9Az3XUFy9GdoBvDYeAr3R7xk97XTPu0Y3PT1zRIG899umvFhwNLrKCee9dymkPBOTKT3409W9WpHkPD87kLuvNDg9+eGOPFMxXj0fIFQ9ZvmmvYownD1h/Ug9fCrOvGq7k73fzcg8NTzhPOxd071OHKq7cmtBO7m/sbwpo9q7TN5NvZDT4LzTY2I9XNZavSKrNjybrSw90SjSPDawJzx+BbS8eqDvPaK2Lj1mRjC9+UFoPZpEHD1uvB89DwGPO9fuc7yKob07QIoxPS+GX73gQs28biWKvdFNnb2C/AW9BwTNu2ESer0DZUU9BcmAvVaPQ71wEJE9qnwcPcvHlL3AXwY8rVkXPRopFr2rj/Y8L4b4PKeh+DymD4m9O1v2vc9tkj2ix4Y9TifaPAkisjyc/bI8JDlXvVle37ynVuO6N4jRPDffUzwPhOc8oiKjOq0iSb19HLi92BaZvamFp72+12g9DDOSvaW2Tb3gMEs9ZBiwvBqDrDwbQLw9P+BIO/dS070T/ES9mKSKPH90nzsK4bi9sg9dPCT8QLx6eeU6+ryUPXow5bqDEos7AKI+PUgHQj2VqMW9IjSBPK3ocL01HMi7uhKbPRTUfz2oegy9fuPWuxO/2DwXVBK9kaqCOwd7zzzN9nS9IV99vOE6Dj3vzOE8XPX6PeidmL1oL9c7TS1BvXg5e720zAE91mELPZA/Gj1Wtg4+/usTO5FwHT37Ro69Eyb7vAPwgDsrKdU8EYd3PDbkPD2NPE87NsSKO9dkDr1mJmA8+elPPYar6T2r8ui7QvHDPauuLDpMTZ88jWSAvLo5RL3YF2E9k2NMvYbzqLzD+4y9O3YjvPAxq706KiU+25O3PNkCj73VjTu9tBcuvRbv2bt6MCk9FKYYPbh9nbuvKIE9NOeIvGmQqjzOCOS9DKGAvfpq9T0AQtK8MA5sPSzPB71vTmA81zzUu5s9ujyIKPO8uuwevXFTNLxv8+a8LyzuPEfOdzvJDNM99JRtvRfKMLxAzTg9KtcIPWZDOz1dwVQ91IwCvfhOJb0GEhO9BLLgPRMSCT7s/1u9coTGO7S1LD253s27qVMUPRJyMj3ipx69JZzqvC+4kr3bU0U9g1k2vOLbvj1POmI9PLvLPWcRWr0tKga+uCq0Pbm4OjyEpAM98SYQPXkGhLxvTng9xnpQPQng3rtDC729yjcpPNTFZTzMvYG9QaKUu8xh77uaBok99DePvUZ08L1fwxC90jIvvRVGPjq7iDo9ly1ePUWFgj192rI8ZkdGvbmMtr1dYHK9S8KXPZ0N0b2wQCS9jDItPfqVDj1je4I9MIAivSHk6r0dsgW9VoyXPUGjOb2KD449sLACPZzWnT0mQIS7w2DmPEC1JTz81G89w9snPa7CmjzVuYw9k/HGPGVXBb0SwA+9N8guPa0yej1H5lm8gy63vUESPj2xqBs7tH3QvW4q5L3HUBK8quD7vQ5sET1wDSy9wqCzvepXpbyk2HA9y37yvNJF2z2PqrC9C6gPPR0iKD1jlQ29+CzgPJeLCr3fQSM9xNIsPdue7rwh/Iq8kssrvSQe571ZJ2W89JgEvalmCz7iBrM7UF1PPVg6fzu+Z9M83W2euSi5Ej3dt+e897ESvfEHqD3TWJG90EX3vAIk1TzkMAm7eABoPRJzpj1awSm81hUhPpchCb0sLlM9hCG3vRgkob3tQZG9PapHu0N/2byFghm90wQCPVRgtrpGmEq9ENPGPVTGt7ybbLc9aKgYvSEAkjs3ByK9yv5TOxejiryzAeu8tJwmvFflor0if8I9pVRWvfo5mL1tkrU8+AVivUMmnTwVYBG9/bk1veSIZz0uFJU9+yOwPd51wzrPuoE9+vybu/tg5DxwlLa8u3O5vfxZBD0rhz082oIkvvpOijjJJwi90VffOw8EcT2oTF87qZTlvZhcAT55RA0+4CqvPZTbtr1JHRM8FwvevEygDb0NbB69JBuRPcRzk73qSQe8EJSSPVtJwT2DAm09cJQUPIZH9DtpzmM9xkp7PZUYTbw/M5Q98cTlvCSB7jxBPOm8XanFvCTmiD0TuqI9kR6yu15paDzUlYA9AsaOPapdD767IAK7OqBxPYIDg7ySTYa9ZgWJvUyS0zyrFII8Sde7vWOrwTwci+66hhTJvTUPKzx19E891R13PICw4r08taI9kOUFvfOj6jyubea9DXnPvN1t1TwSKRM+/HJWu88UvztWFMe7ghOYvSim27wxYdA8NO6/vQZ8o7y0B2m93p0jPss7DT1ylnS7wReYvLUBgD0Ns6q7Ww+PvRXFEL20MY29phvwvPAxdr2Vhee9c1ATvabSGj0Hw9c70cTAPAaK2jzAyaw8dS8xPSB5q7ocJ8274oeovHl+GL2eWbO8bF2+PSDeqbqwtlS8gSWjO4rRqb0G4iK9JDyDPANpZDyGSZI99T2dPceJlzq3I2u9iLXNPMIi+rzxzJU93em4vAzbpT2UD3M9qogBOhJhpLsu3TM8Q2TmvUgX6D0miL69ZOnGuos0rb35ENe9WdqIPGkvpD1RyJK9oAABvZxxcjtPrQa91710Pa4UxL0VYeG8rylSPMsohL0jFIE93NMUPZugeL1k1Nc8ishyvFhQeDy6Hny8kEmAPcEPkTyY3gI9jwatvY/xfz3ocUc9rg8hvfb2wz3iKjI9NqA9vIgzzzxh0qs8+Cnove72iT0m8VW9qdNJveKQIT0HNuu8huxKvW1VuL2g4q29wegGPTBckrsLvaS94sTwvI5hLj2s10A9FDkmPaHyIr2hyha9y1cUPU33XD2oXrk9qyauvCThQTu3s1K90edbvaVLt7z3LmK9ebnRvaP8TLwka269IC7JPC1oOzy9wlk8HDuXvbSx1DqI4wk9FISKO4RXn7vaWMM9vbqlvVeYhj1rD+K9cbtdveCyHD6IcGe9/4l4PEkRP7tKmh28XPAGvTE+brvzZgO8gAc5vbQ0mL3MLfQ8avWfvW4utTwdGDQ7VhV+PQsX97sFIWC8y2VlO/+xpb15Hws9qU/iPBCM7r1M6DM9QpNevSZReT0RBCg8JpHmPdyAPz2fcNu8ZL6vPV0gbjy6KbO8MLCgvYjRlz0qsT89EAkMvpJrQbxwPQG9GiAJvEPLSLwO6xC9vIWEvZnsxrvIIug7CFBEufBiwDxBAy49g001O9BEprzj9Jk9RZmiPHEs3rwHOp28345IPArmeTxeLv881DljvbABvLxH4Is91WUOvbLaLL1aqbC9G29xvbMBVb0BTLy8EChzvRG/5jw0lae9FQSYvFF3HD33jw69TL6mvdH9bLvd4DA9UcUDvcomKz2mJU+7v+EMPWOXwL2hq6a9LZGNPeuaNj3RprE8scJOvCyWFT2JKpa8BlXvuxq1xTy/ArM8bXrCvMsmtDx6F1g9ND+PvUrtD778X8a9QmW9vY2heTy+Fqy91M3yvEWuUz0jmAW91MJJPbYEsj311yo7AlbbvamNgr2R6CU67Kzxu8wMy72agkg8/LB9vedocLwSIKE9gr1WPBxpmD2vNCw7GxboOVqGqb02LFA7u8eAvSzA6TzgMb89Zmd5PaDB17zve2K98JyMPP+dZr3PtDc9N85nPRtqML2S9786E/uQPZF4Tj3v6LQ9220wvYaBpbrtpoi9vJclvZ/gBT1aaSk9FBooPfJ5HT4cUSs957sHPdeSFr33V1W9MkOqO3SzBj1dm7g8d0eIPVRTHT2O+Ti8ikwDPHz1JjyZjno82oTTPc54kjuRgnA9Ewx2PDQ5ATs4MLA8MqCVvQ1wDz0gDga9G+WYvDCDm73h0DG9n/C1vVOV+D1jznc9bEiGvTUpfL0pULe93VkZOxADJj2j5iY9EKPCPAHqcz3ggD09HmQLPepBqr3qaFG9JwsDPknyWr3CokI9YxZZO1rXMzzWeGi8NUykPFrsp70gqh68GzvKuxs1JL0k9g89K1GwvJdnsj171/a8oq8PvIpgaz3STw49zcsmPHSbXj3PuW295NMCvcqbOr0R/sw94njjPagt1r1lEsO8MmiLO3oveb3ycn88HV7LPazL0rwnws07aK+2vbwZkD0g4F888OqRPQY12zxR1d49aSyFvVgsyb2C0IE95/21PMkCxbs43i893kIfPC9jWTzYUZs983lvPWUUnL3YFt680JzwN8105byWLBu9gqi7vHMmbz0RHKi97CsYvhX82TwDQ3u9OmahOzMv+T2x0lU9v0ibPTtF2ztZ4Km9Yeh1PXComTqZc989S+pqu5liObw5J5U77aC3vZwfnr3XZU29LyYYPZve77sNjZ48SKkEO/7b17vln+49Q7moPdeNNrwErdq9l3WKPPFWND3c/7o85/IhvmJhlD1Rks680EQmvsorkb3S4/e8Z9yLPQbcnbp9Zm49COMZvaLkk73/fEM9zHxhPbYcWjxxuce9xQ9TvLsOuzw6Pp+87q0bPXUstTwSC8Y7qErTPctqbb1nvQs+LvlOvf0oRr0g0gq85j25vKTA6b3Yebq7g2yWPHQctj3TLVs9Vy1HvdjRjbzLI9+86IGrPa91hjsczBu9jGXAPV0nET3toYS8BXRSu+UZqr0URYy8AGf1vJT23zu4nLk9cf8JvX9CZL3c/xA7I4xpPeznmz1isWY9YGV5Pa9jCbwxUQ49QZw4PYbPZz21FK49HkNXPf5gBbtUeLw8Pe/hPKwOkLzrilC8+pd5Pay4hD2jPS89UFkkPH28mbtpnxK9+V54Pc9C7jzGhTs992rdPeB1ojs2KIM9Fn+mvexjobteeNe8w1qRPY6lDb2FyOs9XD0CveTyDT2NMI69wu8oPJr1EDuSfTE7A3fCPMd6mTyFsYu87q6KPWYf+jyhuOs8WFOgPYiArjoE8DU8RmeYvBT2XT0tKfG9KMePPKFgW73FEfw6EDbvPOrZV73vtti9D36ZvAnpqD3eswk9CmRcvJmEcr0TFpE8x+gkvS/lQ71jMuG7aH6XvDqWBD6ODcq8rcf7vHkAGr1LK4a8BGz8vNDIpz1SnQK8pEW+vUh35ryZlBc8hvw3PH7gTr1xiP880AFiPaM1I71kbIy9QaL0PAIvurt+vmG9rj8uu75c97xUUYE9GeZ2PZnhkL2QbtY9qNhsvEGdQ73J7Pa8nFY9PKqk+b3brIw9O/ZkvbdH7rwkDMg9WgvOu5jFGbwaiCi9LwAePTrPzT1KgRi9xcPrvR4MH72fetu9uZ+EvbSODr2pcQ68CjoxPYWRwrqc4tQ7apYJPCVHD70J3DG96b8ZvUhEOL3hfaU9K3FbPbzlCb2OaD08+jIhO9w/gL22yAW93oQuvS4UyD0x2/y9MxihPWKqWDsEGhg9+j24PGKVybvYK548bF2yPNXporuOf+k9NUqqPacSPbw3mmW9+5OlvKloorwqKQQ9acSFvSxlaD16TKc9qVLLvWzLSL2oeDi8bEo5vUj9Wrw8Mpa8/wrGPB4BPT2K5MC9zw1QuwtWdTxQR0M9GKGQPVMpCb6XDiq8TO6su+uvDL7HF9O9mVA3PYYTQ73rAYm82TkMPghHkLwKIhK9jydTPVryV7wLL449qKCJveqvhD1E56G8bPKAPWNAjLz2tPQ8RIwLvdsWqT2z8Kq8o86LvaMclb1CaOe7XtdBvde+JTuHk9Q9rEUBPWFV0Tzv6kM7hKfVveP+aDz5WX89IRUHPR5OA7xnvqy9azMZPdG7v7z3+zo9eO3ZOjIHtLwN6Jw9HeVIPbURpD0rxna9qMrluxEhKL2EJbu9Cz2CvaPCwDz7YcC8IGmOPH2Kcr1sPxO9tGFJvbIrsjy/et+6LlI4vTfazbzP3qu85c04vbR+Pr2SN708eXkqvDfBlz3Pdlq9oVQ3Pn4BXT1L8vc9S5qrPWI3fr0pCXK9BZPGOy2CFr6+Cj88L6FpPYxtGTyY8C8+4z2ovXwSwb1v9jO+UWJ3vYJ7jzzygDQ9fbFDPaeOZT0YQA+9N7WCPCDThL2R+Io9nHsjvO2md72CEcc7BjXnvDpk2L1JImQ9P4fPPYIMfjynJSw8SfKDvO6047wnMx4+R1yyvXiSeT0Iqau9RASjvXkGvbxdghq9vIgGvGgnLztquzC93vp8PXmAPzwRgKc7kYpnuph6GL2Npui8Te50vYBUpLw/WGq9bGMjPbr06DsDWD68JoM6vdxIa7pns7c7FYCLPZOjn7yU+b+8ZFQpvcHGEb1L4c68il/3Pfe81z1dVK28BhfIOzkUUb2gBu09cj4oPSxTTzwT7aO81/CEPd6OUr0lboq9BNdBvbn5Ib3/ksQ6OChWvT1CIz19kNw8zAGEPU5khrvz0IK9EuO2vTg+87x4XrG9xEMrPSUR8Lww91U9CqMHvatKRL1FJMa7m1GWPSGDsD37MMo9T4aMvbkPyL3aCUy9H+q3vR2riTxkQIo85xCeuwf14TyvUYa8coAwvS/2h7scshW87mHUPH7SGLxsczu+qgEovvX+gL2Jfsy8VVGLvRLPh71U2C28hbQyvScbt73My+y8V8+0PAR3i72z9bG9hRsTPeRAMb2fENA8hdaevTN7Ir1lc8a9dtgmvQKVlr01Js08HfLgO2FylT0AqSq9xmx4vc1YFT22BDK9TUAYPVo1tD3nQ5I9Q8sUPr4dqD0WH9e71rsrPI/ayLy8XXU9sqGUvO50AD3JcGo9aJY1u6rCgTz4cqo9BtunusVHWzwebD+9/bLYOxWvVD0XY4Y9ctUWPf643jux2SO8UsNVvJ/POzwgSAI9O7QaPQZt1jwGBXK9pBkuvQIHH72OBNY8H7mxvWITyT3KRrK7xwrcvdY/Gb20Bn87wdUCPYRaw7zLGu+4c8uOPMWwDL4aeM2959lcvW+mdb3hoI29SEsJvY41Rj1WPJA9MoAJPTMWSb3LAaI8BZy2PckYDzwu7J48iBogvSI6AL4Fi6u8S5tDvVjVrb04jXG7zZ+PPSzraj3E/pm82ayGPIYen7yYNo684MYZvTVywz0T4rw4lEkwPaFnkz245Do8FugfPHMZkb1sx4a9HpHxPHokDT32uNq8HanBPPGTBb1yLpw9z9KaPRdPbT0GZxi8BUC8PSiehT2lQl090ROqvJOJST03s3Q9YKMSPfdUyrwUYk08sG3EN0yKCzxaOjS8JRArPPxpPLzcv+S838lxvTrx3zxJyB4+DXlsPYm0/bosqom9ZvoUPWu/6rzat/88V1pivQ==","n_entry":557,"groups":[],"links":{"repetition_penalty":{"name":"repetition_penalty","filter":false,"settings":[{"name":"repetition_penalty","default":1.0,"needs":"","help":"above 1 against what is there; 1: off","min":0.5,"max":2,"step":0.01,"start":1.2,"least":0.01,"most":null,"whole":false}]},"frequency_penalty":{"name":"frequency_penalty","filter":false,"settings":[{"name":"frequency_penalty","default":0.0,"needs":"","help":"subtracted per earlier occurrence","min":-2,"max":2,"step":0.01,"start":0.5,"least":null,"most":null,"whole":false}]},"presence_penalty":{"name":"presence_penalty","filter":false,"settings":[{"name":"presence_penalty","default":0.0,"needs":"","help":"subtracted from what occurred at all","min":-2,"max":2,"step":0.01,"start":0.5,"least":null,"most":null,"whole":false}]},"dry":{"name":"dry","filter":false,"settings":[{"name":"dry_multiplier","default":0.0,"needs":"","help":"against extending a repeat; 0: off","min":0,"max":3,"step":0.05,"start":0.8,"least":0,"most":null,"whole":false},{"name":"dry_base","default":1.75,"needs":"dry_multiplier","help":"... growing by this with every token","min":1,"max":3,"step":0.05,"start":1.75,"least":1,"most":null,"whole":false},{"name":"dry_allowed_length","default":2,"needs":"dry_multiplier","help":"... from this length on","min":1,"max":8,"step":1,"start":2,"least":1,"most":null,"whole":true}]},"no_repeat_ngram_size":{"name":"no_repeat_ngram_size","filter":false,"settings":[{"name":"no_repeat_ngram_size","default":0,"needs":"","help":"no n tokens twice; 0: off","min":0,"max":8,"step":1,"start":2,"least":0,"most":null,"whole":true}]},"temperature":{"name":"temperature","filter":true,"settings":[{"name":"temperature","default":1.0,"needs":"","help":"below 1 sharper, above flatter; 0: greedy","min":0.05,"max":3,"step":0.05,"start":0.8,"least":0.01,"most":null,"whole":false},{"name":"dynatemp_range","default":0.0,"needs":"","help":"temperature varies by this with the entropy","min":0,"max":2,"step":0.05,"start":0.5,"least":0,"most":null,"whole":false},{"name":"dynatemp_exponent","default":1.0,"needs":"dynatemp_range","help":"... in this power of the entropy","min":0.1,"max":3,"step":0.1,"start":1,"least":0.01,"most":null,"whole":false}]},"top_h":{"name":"top_h","filter":true,"settings":[{"name":"top_h","default":null,"needs":"","help":"keep the most likely of this entropy share","min":0,"max":1,"step":0.01,"start":0.5,"least":0,"most":1,"whole":false}]},"top_k":{"name":"top_k","filter":true,"settings":[{"name":"top_k","default":0,"needs":"","help":"keep the k most likely; 0: all","min":0,"max":200,"step":1,"start":40,"least":0,"most":null,"whole":true}]},"top_p":{"name":"top_p","filter":true,"settings":[{"name":"top_p","default":1.0,"needs":"","help":"keep the most likely of this mass; 1: all","min":0,"max":1,"step":0.01,"start":0.9,"least":0,"most":1,"whole":false}]},"min_p":{"name":"min_p","filter":true,"settings":[{"name":"min_p","default":0.0,"needs":"","help":"keep p \u003e= this * the largest p; 0: all","min":0,"max":1,"step":0.01,"start":0.1,"least":0,"most":1,"whole":false}]},"top_a":{"name":"top_a","filter":true,"settings":[{"name":"top_a","default":0.0,"needs":"","help":"keep p \u003e= this * the largest p squared; 0: all","min":0,"max":1,"step":0.01,"start":0.2,"least":0,"most":1,"whole":false}]},"typical_p":{"name":"typical_p","filter":true,"settings":[{"name":"typical_p","default":1.0,"needs":"","help":"keep the most typical of this mass; 1: all","min":0,"max":1,"step":0.01,"start":0.9,"least":0,"most":1,"whole":false}]},"epsilon_cutoff":{"name":"epsilon_cutoff","filter":true,"settings":[{"name":"epsilon_cutoff","default":0.0,"needs":"","help":"keep p \u003e= this; 0: all","min":0,"max":0.1,"step":0.001,"start":0.01,"least":0,"most":1,"whole":false}]},"eta_cutoff":{"name":"eta_cutoff","filter":true,"settings":[{"name":"eta_cutoff","default":0.0,"needs":"","help":"the same, lower when uncertain; 0: all","min":0,"max":0.1,"step":0.001,"start":0.01,"least":0,"most":1,"whole":false}]},"top_n_sigma":{"name":"top_n_sigma","filter":true,"settings":[{"name":"top_n_sigma","default":null,"needs":"","help":"keep logits within n deviations of best","min":0,"max":8,"step":0.1,"start":3,"least":0,"most":null,"whole":false}]},"xtc":{"name":"xtc","filter":true,"settings":[{"name":"xtc_probability","default":0.0,"needs":"","help":"how often to exclude top choices","min":0,"max":1,"step":0.01,"start":0.5,"least":0,"most":1,"whole":false},{"name":"xtc_threshold","default":0.1,"needs":"xtc_probability","help":"... the ones of at least this probability","min":0,"max":0.5,"step":0.01,"start":0.1,"least":0,"most":1,"whole":false}]}},"orders":{"hf":["repetition_penalty","frequency_penalty","presence_penalty","dry","no_repeat_ngram_size","temperature","top_h","top_k","top_p","min_p","top_a","typical_p","epsilon_cutoff","eta_cutoff","top_n_sigma","xtc"],"llama.cpp":["repetition_penalty","frequency_penalty","presence_penalty","dry","no_repeat_ngram_size","top_n_sigma","top_h","top_k","typical_p","top_p","min_p","top_a","epsilon_cutoff","eta_cutoff","xtc","temperature"]},"order":"hf","settings":{"repetition_penalty":1.0,"frequency_penalty":0.0,"presence_penalty":0.0,"dry_multiplier":0.0,"dry_base":1.75,"dry_allowed_length":2,"no_repeat_ngram_size":0,"temperature":0.8,"dynatemp_range":0.0,"dynatemp_exponent":1.0,"top_h":null,"top_k":0,"top_p":0.95,"min_p":0.0,"top_a":0.0,"typical_p":1.0,"epsilon_cutoff":0.0,"eta_cutoff":0.0,"top_n_sigma":null,"xtc_probability":0.0,"xtc_threshold":0.1,"do_sample":true},"ids":[39,72,137,387,448],"tokens":["H","i","\\xcd"," ha","out"],"vocabulary":["!","\"","#","$","%","\u0026","'","(",")","*","+",",","-",".","/","0","1","2","3","4","5","6","7","8","9",":",";","\u003c","=","\u003e","?","@","A","B","C","D","E","F","G","H","I","J","K","L","M","N","O","P","Q","R","S","T","U","V","W","X","Y","Z","[","\\","]","^","_","`","a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s","t","u","v","w","x","y","z","{","|","}","~","\\xa1","\\xa2","\\xa3","\\xa4","\\xa5","\\xa6","\\xa7","\\xa8","\\xa9","\\xaa","\\xab","\\xac","\\xae","\\xaf","\\xb0","\\xb1","\\xb2","\\xb3","\\xb4","\\xb5","\\xb6","\\xb7","\\xb8","\\xb9","\\xba","\\xbb","\\xbc","\\xbd","\\xbe","\\xbf","\\xc0","\\xc1","\\xc2","\\xc3","\\xc4","\\xc5","\\xc6","\\xc7","\\xc8","\\xc9","\\xca","\\xcb","\\xcc","\\xcd","\\xce","\\xcf","\\xd0","\\xd1","\\xd2","\\xd3","\\xd4","\\xd5","\\xd6","\\xd7","\\xd8","\\xd9","\\xda","\\xdb","\\xdc","\\xdd","\\xde","\\xdf","\\xe0","\\xe1","\\xe2","\\xe3","\\xe4","\\xe5","\\xe6","\\xe7","\\xe8","\\xe9","\\xea","\\xeb","\\xec","\\xed","\\xee","\\xef","\\xf0","\\xf1","\\xf2","\\xf3","\\xf4","\\xf5","\\xf6","\\xf7","\\xf8","\\xf9","\\xfa","\\xfb","\\xfc","\\xfd","\\xfe","\\xff","\\x00","\\x01","\\x02","\\x03","\\x04","\\x05","\\x06","\\x07","\\x08","\\t","\\n","\\x0b","\\x0c","\\r","\\x0e","\\x0f","\\x10","\\x11","\\x12","\\x13","\\x14","\\x15","\\x16","\\x17","\\x18","\\x19","\\x1a","\\x1b","\\x1c","\\x1d","\\x1e","\\x1f"," ","\\x7f","\\x80","\\x81","\\x82","\\x83","\\x84","\\x85","\\x86","\\x87","\\x88","\\x89","\\x8a","\\x8b","\\x8c","\\x8d","\\x8e","\\x8f","\\x90","\\x91","\\x92","\\x93","\\x94","\\x95","\\x96","\\x97","\\x98","\\x99","\\x9a","\\x9b","\\x9c","\\x9d","\\x9e","\\x9f","\\xa0","\\xad"," t"," a","he","in","re","on"," the","er"," s","at"," w"," o","en"," c","it","is","an","or","es"," b","ed"," f","ing"," p","ou"," an","al","ar"," to"," m"," of"," in"," d"," h"," and","ic","as","le"," th","ion","om","ll","ent"," n"," l","st"," re","ve"," e","ro","ly"," be"," g"," T","ct"," S","id","ot"," I","ut","et"," A"," is"," on","im","am","ow","ay","ad","se"," that"," C","ig"," for","ac"," y","ver","ur"," u","ld"," st"," M","'s"," he"," it","ation","ith","ir","ce"," you","il"," B"," wh","ol"," P"," with"," 1","ter","ch"," as"," we"," (","nd","ill"," D","if"," 2","ag","ers","ke"," \""," H","em"," con"," W"," R","her"," was"," r","od"," F","ul","ate"," at","ri","pp","ore"," The"," se","us"," pro"," ha","um"," are"," de","ain","and"," or","igh","est","ist","ab","rom"," N","th"," com"," G","un","op","00"," L"," not","ess"," ex"," v","res"," E","ew","ity","ant"," by","el","os","ort","oc","qu"," from"," have"," su","ive","ould"," sh"," this","nt","ra","pe","ight","art","ment"," al","ust","end","--","all"," O","ack"," ch"," le","ies","red","ard","\\xe2\\x80","out"," J"," ab","ear","iv","ally","our","ost","gh","pt"," pl","ast"," can","ak","ome","ud","The"," his"," do"," go"," has","ge","'t"," U","rou"," sa"," j"," but"," wor"," all","ect"," k","ame"," will","ok"," whe"," they","ide","01","ff","ich","pl","ther"," tr",".."," int","ie","ure","age"," ne","ial","ap","ine","ice"," me"," out","ans","one","ong","ions"," who"," K"," up"," their"," ad"," 3"," us","ated","ous"," more","ue","og"," St","ind","ike"," so","ime","per",".\"","ber","iz","act"," one"," said"," -","are"," your","cc"," Th"," cl","ep","ake","able","ip"," cont"," which","ia"," im"," about"," were","very","ub"," had"," en"," comp",",\""," In"," un","\u003c|endoftext|\u003e"],"attention":"//8BgP5/xFR8Vb5Vsz8TQBFAKEBQMywzPTMSMzQz//8HgPh/qlVXVf5UMkDxP+s/8T9BM0UzFDMrMzoz//+9f0KAslVoVeVUXkATQMo/xD/SMh8zdTNlMzMz///8fwOAFlUiVcdV1z/9PydABED9MiozTTM3M1Qz","lens":{"n_top":5,"ids":"JQJLARYBxQCaAFMBAwKSAa4AcgHeAX0ASwA2AegASwC6ADYBwwF9ADABOwFTASUCwAEWAUsBJQLFADcAUwGSAQMCrgByAUsAfQDeATYB6ABLALoANgHDAX0AMAE7ASUCUwHAARYBkwFLAcUANwBTAZIBrgADAnIBSwDeAX0ANgHoALoASwDDATYBsAAwATsBJQJTAcAB","p":"UeMGO1GiBjuEaQY75kkGOxUwBTvlkBI7igQMO7vDCzsf3Ao71aUHO0nTCjvHrQo7fmcKO5bBBzu47QY7UFQKOy6oCTuPbAk7EJUIOz1cCDsCCQw7SbULOyK/CTsPYwg7wEIIO+WBBjvDWwY7oiQGO5X/BTvLoAU7iAoSO13aCzs0fAs7SuMKOwSzBztLfgo79lIKOyElCjsaxwc7jB8HOwcUCjsXuQk7cycJO/YiCTv33gc7roYMO4ZfCzu8Kgo7Aa0IO3zMBzuBCgc7iEcGOw4iBju2IAY7Y68FO488Ejuujgs7nxULO9WVCjvipgc7A70KO/7GCTv8vgk7PzgIO1CjBzvZAgo7nqsJO6AvCTv3FAk7ms8HO/G1DDvjsgs7qWAJO6lMCTtICwg7","rank":"AwAAAAEAAAADAAAAAgAAAAEAAAABAAAAAQAAAAEAAAACAAAAAQAAAAEAAAABAAAAAQAAAAEAAAABAAAA","answer_p":"hGkGO+WQEjt+Zwo7LqgJOwIJDDvlgQY7iAoSO0t+CjsXuQk7roYMO4EKBzuPPBI7A70KO9kCCjvxtQw7"},"beams":{"tree":[{"text":" he","score":-6.105129241943359,"step":1,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-12.163132667541504,"step":2,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-18.230271816253662,"step":3,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-24.272086143493652,"step":4,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-30.33907461166382,"step":5,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-36.39532709121704,"step":6,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-42.454145431518555,"step":7,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-48.50723171234131,"step":8,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-54.592769622802734,"step":9,"place":1,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-60.655855655670166,"step":10,"place":0,"fate":"finished","died":"","alive":true,"children":[]},{"text":"ated","score":-60.761117935180664,"step":10,"place":0,"fate":"finished","died":"","alive":true,"children":[]},{"text":" who","score":-60.76872539520264,"step":10,"place":0,"fate":"finished","died":"","alive":true,"children":[]},{"text":",\"","score":-60.77023887634277,"step":10,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"L","score":-60.7705979347229,"step":10,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xf2","score":-60.77820634841919,"step":10,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xb2","score":-60.78002214431763,"step":10,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":"\\xb2","score":-54.690758228302,"step":9,"place":2,"fate":"kept","died":"step 10: the search was over","alive":false,"children":[]},{"text":"ated","score":-54.69657850265503,"step":9,"place":4,"fate":"kept","died":"step 10: the search was over","alive":false,"children":[]},{"text":" who","score":-54.69772005081177,"step":9,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"ect","score":-54.69929361343384,"step":9,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" in","score":-54.703768730163574,"step":9,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"th","score":-54.70500421524048,"step":9,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":" who","score":-48.626452922821045,"step":8,"place":3,"fate":"kept","died":"step 9: its best continuation scored less than -54.71, the worst kept -54.70","alive":false,"children":[]},{"text":"\\xf2","score":-48.628520488739014,"step":8,"place":4,"fate":"kept","died":"step 9: its best continuation scored less than -54.71, the worst kept -54.70","alive":false,"children":[]},{"text":"th","score":-48.640135765075684,"step":8,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" f","score":-48.6407995223999,"step":8,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xb2","score":-48.64386177062988,"step":8,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":" who","score":-42.56068181991577,"step":7,"place":3,"fate":"kept","died":"step 8: its best continuation scored -48.64, the worst kept -48.63","alive":false,"children":[{"text":" he","score":-48.6409125328064,"step":8,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":"\\xb2","score":-42.5783953666687,"step":7,"place":4,"fate":"kept","died":"step 8: its best continuation scored less than -48.64, the worst kept -48.63","alive":false,"children":[]},{"text":" f","score":-42.57902669906616,"step":7,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xf2","score":-42.580055713653564,"step":7,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"^","score":-42.594560623168945,"step":7,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"ated","score":-42.59767770767212,"step":7,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":"\\xf2","score":-36.49379253387451,"step":6,"place":2,"fate":"kept","died":"step 7: its best continuation scored less than -42.60, the worst kept -42.58","alive":false,"children":[]},{"text":" who","score":-36.51892566680908,"step":6,"place":4,"fate":"kept","died":"step 7: its best continuation scored less than -42.60, the worst kept -42.58","alive":false,"children":[]},{"text":"th","score":-36.520535469055176,"step":6,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" e","score":-36.52713871002197,"step":6,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"ated","score":-36.5343713760376,"step":6,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"L","score":-36.53611755371094,"step":6,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":"ated","score":-30.43385362625122,"step":5,"place":2,"fate":"kept","died":"step 6: its best continuation scored less than -36.54, the worst kept -36.52","alive":false,"children":[]},{"text":" f","score":-30.44725465774536,"step":5,"place":4,"fate":"kept","died":"step 6: its best continuation scored less than -36.54, the worst kept -36.52","alive":false,"children":[]},{"text":"ri","score":-30.456089973449707,"step":5,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" who","score":-30.458528518676758,"step":5,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xf2","score":-30.459708213806152,"step":5,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"th","score":-30.468082427978516,"step":5,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":"ated","score":-24.381656169891357,"step":4,"place":3,"fate":"kept","died":"step 5: its best continuation scored less than -30.47, the worst kept -30.45","alive":false,"children":[]},{"text":"\\xf2","score":-24.394132137298584,"step":4,"place":4,"fate":"kept","died":"step 5: its best continuation scored less than -30.47, the worst kept -30.45","alive":false,"children":[]},{"text":" who","score":-24.405272960662842,"step":4,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"th","score":-24.414900302886963,"step":4,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"1","score":-24.422228813171387,"step":4,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" e","score":-24.42663335800171,"step":4,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":",\"","score":-18.335758686065674,"step":3,"place":3,"fate":"kept","died":"step 4: its best continuation scored less than -24.43, the worst kept -24.39","alive":false,"children":[]},{"text":"L","score":-18.33796501159668,"step":3,"place":4,"fate":"kept","died":"step 4: its best continuation scored less than -24.43, the worst kept -24.39","alive":false,"children":[]},{"text":" who","score":-18.33980131149292,"step":3,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" in","score":-18.34318208694458,"step":3,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xb2","score":-18.353920936584473,"step":3,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"ated","score":-18.35468101501465,"step":3,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":"ated","score":-12.267762184143066,"step":2,"place":3,"fate":"kept","died":"step 3: its best continuation scored less than -18.35, the worst kept -18.34","alive":false,"children":[]},{"text":"L","score":-12.27436113357544,"step":2,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":" who","score":-12.284116744995117,"step":2,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"th","score":-12.294763565063477,"step":2,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":" G","score":-6.15187931060791,"step":1,"place":2,"fate":"kept","died":"step 2: its best continuation scored less than -12.29, the worst kept -12.27","alive":false,"children":[]},{"text":"\\xf2","score":-6.1552734375,"step":1,"place":3,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-12.263083934783936,"step":2,"place":2,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-18.330451488494873,"step":3,"place":2,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-24.372299194335938,"step":4,"place":2,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-30.439254760742188,"step":5,"place":3,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-36.49557113647461,"step":6,"place":3,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-42.55422019958496,"step":7,"place":2,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-48.60734033584595,"step":8,"place":2,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-54.692912578582764,"step":9,"place":3,"fate":"kept","died":"","alive":true,"children":[{"text":" he","score":-60.75603675842285,"step":10,"place":0,"fate":"finished","died":"","alive":true,"children":[]}]}]}]}]}]}]}]}]}]},{"text":"ated","score":-6.158868789672852,"step":1,"place":4,"fate":"kept","died":"","alive":false,"children":[{"text":"ated","score":-12.273702621459961,"step":2,"place":4,"fate":"kept","died":"step 3: its best continuation scored less than -18.35, the worst kept -18.34","alive":false,"children":[]},{"text":" he","score":-12.280509948730469,"step":2,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}]},{"text":" W","score":-6.180263042449951,"step":1,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"\\xe9","score":-6.195531368255615,"step":1,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"1","score":-6.205743312835693,"step":1,"place":0,"fate":"dropped","died":"","alive":false,"children":[]},{"text":"ub","score":-6.207929611206055,"step":1,"place":0,"fate":"dropped","died":"","alive":false,"children":[]}],"about":"What a beam search from the same prompt looked at."},"pieces":[{"text":"Hi","bytes":[72,105],"merges":[],"tokens":[{"text":"H","id":39},{"text":"i","id":72}]},{"text":"\ufffd","bytes":[239,191,189],"merges":[],"tokens":[{"text":"\\xef","id":171},{"text":"\\xbf","id":123},{"text":"\\xbd","id":121}]},{"text":" haout","bytes":[32,104,97,111,117,116],"merges":[{"left":"o","right":"u","rank":24},{"left":" ","right":"h","rank":33},{"left":" h","right":"a","rank":131},{"left":"ou","right":"t","rank":192}],"tokens":[{"text":" ha","id":387},{"text":"out","id":448}]}],"piece_of":[0,0,1,2,2],"about":"A prompt of 2 tokens and 3 new ones, chosen by draws. The model is a GPT-2 with 2 layers of 2 heads, 8 numbers a token, and a vocabulary of 557 tokens.","holds":["All numbers are of one pass of the model over the whole text; the sliders compute with its logits (32-bit numbers), as numpygpt.decoding does.","All 557 tokens of the vocabulary stand behind every token.","Attention weights are rounded to 1/65535; the lens keeps the 5 likeliest tokens of every layer."]}</script>
<script>
"use strict";
/* The chain of rules and filters, as numpygpt.decoding computes it, for the page.

   A row is { z, n }: z, a Float32Array, has the logit of every entry, -Infinity where it
   was removed; n, how many tokens an entry stands for. That is 1 for a token. Of a large
   vocabulary the page holds the likeliest tokens one by one and the others in groups of
   neighbours, which are kept or removed together.

   NumPy computes in float32 wherever a logit is changed, and in float64 wherever
   probabilities are summed. So does this file: Math.fround rounds to float32. */

const f32 = Math.fround;

// ---- What all filters need ----------------------------------------------------------

const largest = (z) => z.reduce((a, b) => (b > a ? b : a), -Infinity);

/* Weights n * exp(z - max), and their sum. */
function weigh({ z, n }) {
  const top = largest(z);
  const w = Float64Array.from(z, (value, i) => n[i] * Math.exp(value - top));
  return { w, total: w.reduce((a, b) => a + b, 0) };
}

/* The probability of every entry: of all its tokens together. */
function probabilities(row) {
  const { w, total } = weigh(row);
  return w.map((value) => value / total);
}

/* The probability of a single token of every entry. */
function each(row) {
  return probabilities(row).map((p, i) => p / row.n[i]);
}

/* In nats: the sum of -p ln p over all tokens. */
function entropy(row) {
  const p = probabilities(row);
  let sum = 0;
  p.forEach((value, i) => {
    if (value > 0) sum -= value * Math.log(value / row.n[i]);
  });
  return sum;
}

/* The entries that are left, by a key, smallest first; among equals the lower one. */
function sorted({ z }, key) {
  const left = [];
  z.forEach((value, i) => value > -Infinity && left.push(i));
  return left.sort((a, b) => key[a] - key[b] || a - b);
}

const best = (row) => sorted(row, row.z.map((value) => -value));

/* The first entries of an order, as long as the sum of `parts` has not reached `goal`;
   the one that reaches it is kept. */
function until(order, parts, goal) {
  let sum = 0;
  const count = order.findIndex((i) => (sum += parts[i]) >= goal) + 1;
  return new Set(count ? order.slice(0, count) : order);
}

/* The row with -Infinity wherever `test(i)` is false. */
function keep({ z, n }, test) {
  return { z: z.map((value, i) => (test(i) ? value : -Infinity)), n };
}

const change = ({ z, n }, f) => ({ z: z.map((value, i) => f32(f(value, i))), n });

// ---- Filters: which tokens may come next --------------------------------------------

function temperature(row, s) {
  if (s.dynatemp_range) return dynamicTemperature(row, s);
  return divided(row, s.temperature);
}

function divided(row, value) {
  const by = f32(Math.min(Math.max(value, 1.1754943508222875e-38), 3.4028234663852886e38));
  const out = change(row, (z) => z / by);
  if (Number.isFinite(largest(out.z))) return out;
  const top = largest(row.z); // too sharp for the number format
  return change(row, (z) => f32(z - top) / by);
}

function dynamicTemperature(row, s) {
  const n = row.z.reduce((sum, z, i) => sum + (z > -Infinity ? row.n[i] : 0), 0);
  if (n === 1) return row;
  const low = Math.max(0, s.temperature - s.dynatemp_range);
  const high = s.temperature + s.dynatemp_range;
  const doubt = Math.min(1, entropy(row) / Math.log(n));
  const between = low + (high - low) * doubt ** s.dynatemp_exponent;
  if (between) return divided(row, between);
  const top = largest(row.z);
  return keep(row, (i) => row.z[i] === top);
}

function topK(row, s) {
  let left = s.top_k;
  const border = best(row).find((i) => (left -= row.n[i]) <= 0);
  return border === undefined ? row : keep(row, (i) => row.z[i] >= row.z[border]);
}

function topP(row, s) {
  const { w, total } = weigh(row);
  const kept = until(best(row), w, s.top_p * total);
  return keep(row, (i) => kept.has(i));
}

function minP(row, s) {
  const top = largest(row.z), border = f32(Math.log(s.min_p));
  return keep(row, (i) => f32(row.z[i] - top) >= border);
}

function topA(row, s) {
  const p = each(row);
  const border = s.top_a * largest(p) ** 2;
  return keep(row, (i) => p[i] >= border);
}

function typicalP(row, s) {
  const { w, total } = weigh(row);
  const expected = entropy(row);
  const odd = w.map((weight, i) =>
    Math.abs(Math.log(total) - Math.log(weight / row.n[i]) - expected));
  const kept = until(sorted(row, odd), w, s.typical_p * total);
  return keep(row, (i) => kept.has(i));
}

function epsilonCutoff(row, s) {
  const p = each(row), top = largest(row.z);
  return keep(row, (i) => p[i] >= s.epsilon_cutoff || row.z[i] === top);
}

function etaCutoff(row, s) {
  const p = each(row), top = largest(row.z), eta = s.eta_cutoff;
  const border = Math.min(eta, Math.sqrt(eta) * Math.exp(-entropy(row)));
  return keep(row, (i) => p[i] >= border || row.z[i] === top);
}

function topNSigma(row, s) {
  const top = largest(row.z);
  const behind = Float64Array.from(row.z, (z) => f32(z - top));
  let n = 0, sum = 0, squares = 0;
  behind.forEach((b, i) => {
    if (b > -Infinity) { n += row.n[i]; sum += row.n[i] * b; }
  });
  behind.forEach((b, i) => {
    if (b > -Infinity) squares += row.n[i] * (b - sum / n) ** 2;
  });
  const border = -s.top_n_sigma * Math.sqrt(squares / n);
  return keep(row, (i) => behind[i] >= border);
}

function topH(row, s) {
  const p = probabilities(row), order = best(row);
  let sum = 0;
  const sums = order.map((i) =>
    (sum -= p[i] > 0 ? p[i] * Math.log(p[i] / row.n[i]) : 0));
  const count = sums.filter((value) => value <= s.top_h * sum).length;
  const kept = new Set(order.slice(0, Math.max(1, count)));
  return keep(row, (i) => kept.has(i));
}

function xtc(row, s) {
  const p = each(row);
  const top = best(row).filter((i) => p[i] >= s.xtc_threshold);
  const gone = new Set(top.slice(0, -1));
  return keep(row, (i) => !gone.has(i));
}

// ---- Rules that look at the text so far ---------------------------------------------
// context: the ids so far; output: those behind the prompt; at(id): the id's entry.

function repetitionPenalty(row, s, { context, at }) {
  const seen = new Set(context.map(at)), by = f32(s.repetition_penalty);
  return change(row, (z, i) => (seen.has(i) ? (z < 0 ? z * by : z / by) : z));
}

function frequencyPenalty(row, s, { output, at }) {
  const counts = new Map();
  for (const i of output.map(at)) counts.set(i, (counts.get(i) || 0) + 1);
  return change(row, (z, i) => z - f32(s.frequency_penalty * (counts.get(i) || 0)));
}

function presencePenalty(row, s, { output, at }) {
  const seen = new Set(output.map(at));
  return change(row, (z, i) => (seen.has(i) ? z - f32(s.presence_penalty) : z));
}

function dry(row, s, { context, at }) {
  const longest = new Map(), end = context.length - 1;
  for (let place = 0; place < end; place++) {
    let length = 0; // how many tokens up to this place equal the last ones
    while (length <= place && context[place - length] === context[end - length]) length++;
    const next = at(context[place + 1]);
    if (length > (longest.get(next) || 0)) longest.set(next, length);
  }
  return change(row, (z, i) => {
    const length = longest.get(i) || 0;
    if (length < Math.max(1, s.dry_allowed_length)) return z;
    const power = (length - s.dry_allowed_length) * Math.log(s.dry_base);
    return z - f32(s.dry_multiplier * Math.exp(Math.min(power, 80)));
  });
}

function noRepeatNgram(row, s, { context, at }) {
  const size = s.no_repeat_ngram_size, gone = new Set();
  const last = context.slice(context.length - size + 1);
  for (let start = 0; start + size <= context.length; start++) {
    if (last.every((id, i) => id === context[start + i])) {
      gone.add(at(context[start + size - 1]));
    }
  }
  return keep(row, (i) => !gone.has(i));
}

// ---- The chain ----------------------------------------------------------------------

const STEPS = {
  repetition_penalty: repetitionPenalty, frequency_penalty: frequencyPenalty,
  presence_penalty: presencePenalty, dry, no_repeat_ngram_size: noRepeatNgram,
  temperature, top_h: topH, top_k: topK, top_p: topP, min_p: minP, top_a: topA,
  typical_p: typicalP, epsilon_cutoff: epsilonCutoff, eta_cutoff: etaCutoff,
  top_n_sigma: topNSigma, xtc,
};

/* Run the links over a row, in order. Each link is { name, settings: [{ name, default,
   needs }], filter }; `s` has a value for every setting. Returns the last row and a
   result for each link that is on: the rows before and after. */
function runChain(links, row, s, text) {
  const results = [];
  for (const link of links) {
    const on = link.settings.some(
      (x) => !x.needs && s[x.name] !== null && s[x.name] !== x.default);
    if (!on || (link.filter && !s.do_sample)) continue;
    const after = STEPS[link.name](row, s, text);
    if (largest(after.z) === -Infinity) {
      throw new Error(`${link.name} removes every token that was left`);
    }
    results.push({ name: link.name, before: row, after });
    row = after;
  }
  return { results, row };
}

/* The probability of every entry behind the chain. xtc acts by chance: the exact
   probabilities are a mixture of with and without. */
function distribution(links, row, s, text) {
  const end = (settings) => {
    const last = runChain(links, row, settings, text).row;
    if (s.do_sample) return probabilities(last);
    const first = last.z.indexOf(largest(last.z));
    return Float64Array.from(last.z, (_, i) => (i === first ? 1 : 0));
  };
  const share = s.do_sample && links.some((x) => x.name === "xtc") ? s.xtc_probability : 0;
  if (!share) return end(s);
  const acting = end({ ...s, xtc_probability: 1 });
  const resting = end({ ...s, xtc_probability: 0 });
  return acting.map((p, i) => share * p + (1 - share) * resting[i]);
}
"use strict";
/* The page. chain.js, which stands before this file, computes; here things are shown.

   The data is JSON with a few arrays of numbers as base64. Nothing is ever made of text
   as HTML: texts go to the page as text, so they cannot be anything else.

   `position` is the token that is looked at. It was predicted behind the token before
   it, so all views show row position - 1 of the model's pass; one position more than
   the text has tokens stands for what would come next. */

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

/* Base64 -> numbers of a type. */
function numbers(text, Type) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Type(bytes.buffer);
}

const { n_tok, n_prompt, n_vocab, n_layer, n_head, n_entry } = data;
const logits = numbers(data.logits, Float32Array); // [n_tok, n_entry]
const listed = data.listed && numbers(data.listed, Uint16Array); // [n_tok, n_listed]
const counts = Float64Array.from({ length: n_entry }, (_, i) => {
  const group = i - (n_entry - data.groups.length);
  return group < 0 ? 1 : data.groups[group];
});
const attention = numbers(data.attention, Uint16Array);
const lensIds = numbers(data.lens.ids, Uint16Array); // [n_layer + 1, n_tok, n_top]
const lensP = numbers(data.lens.p, Float32Array);
const lensRank = numbers(data.lens.rank, Uint32Array); // [n_layer + 1, n_tok]
const lensAnswerP = numbers(data.lens.answer_p, Float32Array);

/* The model's row behind the first `n` tokens, and how to find a token in it. */
function rowOf(n) {
  const z = logits.subarray((n - 1) * n_entry, n * n_entry);
  if (!listed) return { row: { z, n: counts }, at: (id) => id, id: (i) => i };
  const n_listed = n_entry - data.groups.length;
  const ids = listed.subarray((n - 1) * n_listed, n * n_listed);
  const places = new Map(Array.from(ids, (id, i) => [id, i]));
  const id = (i) => (i < n_listed ? ids[i] : -1);
  return { row: { z, n: counts }, at: (token) => places.get(token), id };
}

const textOf = (id) => (id < 0 ? "others" : data.vocabulary[id]);
const percent = (p, digits = 1) =>
  p > 0 && p < 0.5 * 10 ** (-2 - digits)
    ? `< ${(10 ** -digits).toFixed(digits)} %` : `${(100 * p).toFixed(digits)} %`;
const quoted = (text) => `“${text}”`;

/* An element: properties, then children or texts. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// ---- State --------------------------------------------------------------------------

const state = {
  position: Math.min(n_prompt, n_tok), // the first new token
  settings: { ...data.settings },
  order: data.order,
  layer: n_layer - 1,
  head: 0,
};
const context = () => data.ids.slice(0, state.position);

/* What the chain makes of the row behind the context. */
function compute(position = state.position, settings = state.settings, order = state.order) {
  const { row, at, id } = rowOf(position);
  const ids = data.ids.slice(0, position);
  const text = { context: ids, output: ids.slice(n_prompt), at };
  const links = data.orders[order].map((name) => data.links[name]);
  const { results } = runChain(links, row, settings, text);
  return { row, at, id, results, p: distribution(links, row, settings, text) };
}

// ---- The text -----------------------------------------------------------------------

/* The model's probability of token t. */
function offered(t) {
  if (t === 0) return null;
  const { row, at } = rowOf(t);
  return probabilities(row)[at(data.ids[t])];
}

function tokenButton(t, p) {
  const text = t < n_tok ? data.tokens[t] : "next?";
  const button = make("button", { type: "button", className: "token", tabIndex: -1 }, text);
  if (t < n_prompt) button.classList.add("prompt");
  if (t === n_tok) button.classList.add("next");
  button.style.setProperty("--p", p === null ? 0 : p);
  const says = p === null ? "" : `, probability ${percent(p)}`;
  button.setAttribute("aria-label", t < n_tok
    ? `token ${t}: ${quoted(text)}${says}` : "what would come next");
  button.addEventListener("click", () => select(t));
  return button;
}

/* All tokens as buttons; a line break behind a token that ends a line. */
function fillText(box, probability) {
  box.replaceChildren();
  for (let t = 0; t <= n_tok; t++) {
    box.append(tokenButton(t, t < n_tok ? probability(t) : null));
    if (t < n_tok && data.tokens[t].endsWith("\\n")) box.append(make("br"));
  }
}

function select(t, focus = true) {
  state.position = Math.max(1, Math.min(n_tok, t));
  const buttons = $("text").querySelectorAll(".token");
  buttons.forEach((button, i) => {
    const here = i === state.position;
    button.tabIndex = here ? 0 : -1;
    if (here) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  if (focus) buttons[state.position].focus();
  showAll();
}

const STEP = { ArrowRight: 1, ArrowLeft: -1 };

function onKey(event) {
  const busy = event.target.closest("input, select, summary, #heads");
  if (busy || event.altKey || event.ctrlKey || event.metaKey) return;
  const to = event.key in STEP ? state.position + STEP[event.key]
    : event.key === "Home" ? 1 : event.key === "End" ? n_tok : null;
  if (to === null) return;
  event.preventDefault();
  select(to);
}

// ---- Candidates ---------------------------------------------------------------------

const N_SHOWN = 20;

/* Which link removed each entry: { entry: name }. */
function fates(results) {
  const gone = {};
  for (const { name, before, after } of results) {
    after.z.forEach((z, i) => {
      if (z === -Infinity && before.z[i] > -Infinity) gone[i] = name;
    });
  }
  return gone;
}

function showCandidates({ row, at, id, results, p }) {
  const model = probabilities(row);
  const chosen = state.position < n_tok ? at(data.ids[state.position]) : -1;
  const gone = fates(results);
  const shown = best(row).filter((i) => id(i) >= 0).slice(0, N_SHOWN);
  if (chosen >= 0 && !shown.includes(chosen)) shown.push(chosen);
  const head = ["token", "model", "drawn with", ""].map((text) =>
    make("th", { scope: "col" }, text));
  $("candidates").replaceChildren(make("tr", {}, ...head), ...shown.map((i) => {
    const bars = make("td", { className: "bars" });
    for (const [kind, value] of [["offered", model[i]], ["", p[i]]]) {
      const bar = make("div", { className: `bar ${kind}` });
      bar.style.width = `${100 * value}%`;
      bars.append(bar);
    }
    const fate = i in gone ? make("span", { className: "gone-by" }, `${gone[i]} ✗`)
      : percent(p[i]);
    const line = make("tr", { className: i in gone ? "gone" : "" },
      make("td", {}, make("code", {}, quoted(textOf(id(i))))),
      make("td", { className: "number" }, percent(model[i])),
      make("td", { className: "number" }, fate), bars);
    if (i === chosen) line.classList.add("chosen");
    return line;
  }));
  const before = quoted(data.tokens[state.position - 1]);
  $("next-hint").textContent = `Behind ${before}, token ${state.position - 1}. Grey: what `
    + "the model offers; blue: what is drawn from. Underlined: what the text has.";
  $("said").textContent = chosen < 0 ? `What would follow ${before}.`
    : `Token ${state.position}, ${quoted(data.tokens[state.position])}: the model says `
      + `${percent(model[chosen])}, `
      + (chosen in gone ? `${gone[chosen]} removes it.` : `drawn with ${percent(p[chosen])}.`);
}

// ---- The chain ----------------------------------------------------------------------

/* One setting: a slider and a box for exact values, which follow each other. */
function control(setting, link) {
  const range = make("input", {
    type: "range", min: setting.min, max: setting.max, step: setting.step,
    value: state.settings[setting.name] ?? setting.start, id: `slide-${setting.name}`,
    "aria-label": `${setting.name}, slider`,
  });
  const box = make("input", {
    type: "number", min: setting.least, step: "any", id: `set-${setting.name}`,
    value: state.settings[setting.name] ?? setting.start, "aria-label": setting.name,
  });
  const take = (from, other) => () => {
    const value = Number(from.value);
    if (from.value === "" || !Number.isFinite(value) || value < setting.least
        || (setting.most !== null && value > setting.most)
        || (setting.whole && !Number.isInteger(value))) {
      from.setCustomValidity("out of range");
      return;
    }
    from.setCustomValidity("");
    other.value = value;
    state.settings[setting.name] = value;
    if (!setting.needs) $(`on-${link.name}`).checked = true;
    showChoice();
  };
  range.addEventListener("input", take(range, box));
  box.addEventListener("input", take(box, range));
  return [range, box];
}

function linkItem(link) {
  const [first, ...others] = link.settings;
  const on = state.settings[first.name] !== null
    && link.settings.some((x) => !x.needs && state.settings[x.name] !== x.default);
  const toggle = make("input", { type: "checkbox", id: `on-${link.name}`, checked: on });
  const controls = control(first, link);
  toggle.addEventListener("change", () => {
    const value = Number(controls[1].value);
    const idle = value === first.default ? first.start : value;
    state.settings[first.name] = toggle.checked ? idle : first.default;
    if (toggle.checked) controls.forEach((input) => { input.value = idle; });
    else for (const x of others) if (!x.needs) state.settings[x.name] = x.default;
    showChoice();
  });
  const item = make("li", { id: `link-${link.name}` },
    make("div", { className: "row" }, make("label", {}, toggle, ` ${first.name}`),
      ...controls));
  item.title = first.help;
  for (const x of others) {
    item.append(make("div", { className: "row sub", title: x.help },
      make("label", {}, x.name), ...control(x, link)));
  }
  item.append(make("div", { className: "result" }));
  return item;
}

function buildChain() {
  $("do_sample").checked = state.settings.do_sample;
  $("order").replaceChildren(...Object.keys(data.orders).map((name) =>
    make("option", { value: name }, name)));
  $("order").value = state.order;
  $("links").replaceChildren(
    ...data.orders[state.order].map((name) => linkItem(data.links[name])));
}

/* What a link did: how many are left, and who stands on both sides of the border. */
function resultText({ before, after }, id) {
  const was = each(before), left = best(after), removed = [];
  let n_left = 0, mass = 0;
  after.z.forEach((z, i) => {
    if (z > -Infinity) n_left += after.n[i];
    else if (before.z[i] > -Infinity) { removed.push(i); mass += was[i] * before.n[i]; }
  });
  const bits = Math.abs(entropy(after) / Math.LN2).toFixed(2);
  let text = `${n_left} left, ${bits} bits`;
  if (!removed.length) return text;
  const kept = left.reduce((a, b) => (was[b] < was[a] ? b : a));
  const gone = removed.reduce((a, b) => (was[b] > was[a] ? b : a));
  text += `; removed ${percent(mass)} of the probability`;
  text += `; the least likely kept: ${quoted(textOf(id(kept)))} ${percent(was[kept], 3)}`;
  return `${text}; the likeliest removed: ${quoted(textOf(id(gone)))} `
    + percent(was[gone], 3);
}

function showLinks({ results, id }) {
  for (const name of data.orders[state.order]) {
    const item = $(`link-${name}`);
    const result = results.find((x) => x.name === name);
    item.classList.toggle("off", !result);
    item.querySelector(".result").textContent = result ? resultText(result, id) : "";
  }
}

/* After a slider moved: what depends on the chain. */
function showChoice() {
  $("trouble").textContent = "";
  try {
    const computed = compute();
    showCandidates(computed);
    showLinks(computed);
  } catch (error) {
    $("trouble").textContent = error.message;
  }
}

// ---- Attention ----------------------------------------------------------------------

/* How much token `from` looks at token `to`. Stored are the rows of the triangle. */
function weight(layer, head, from, to) {
  if (to > from) return 0;
  const triangle = (n_tok * (n_tok + 1)) / 2;
  const at = (layer * n_head + head) * triangle + (from * (from + 1)) / 2 + to;
  return attention[at] / 65535;
}

/* A head as a picture, a pixel a pair of tokens. */
function drawHead(canvas, layer, head, row = -1) {
  canvas.width = canvas.height = n_tok;
  const style = getComputedStyle(document.documentElement);
  const [r, g, b] = style.getPropertyValue("--shade").split(",").map(Number);
  const image = new ImageData(n_tok, n_tok);
  for (let from = 0; from < n_tok; from++) {
    for (let to = 0; to < n_tok; to++) {
      const strength = Math.sqrt(weight(layer, head, from, to)); // small ones show, too
      const lit = from === row ? Math.max(strength, 0.12) : strength;
      image.data.set([r, g, b, 255 * lit], 4 * (from * n_tok + to));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function buildHeads() {
  const options = (n) => Array.from({ length: n }, (_, i) =>
    make("option", { value: i }, String(i)));
  $("layer").replaceChildren(...options(n_layer));
  $("head").replaceChildren(...options(n_head));
  const size = Math.max(24, Math.min(64, Math.floor(700 / n_head)));
  $("heads").style.gridTemplateColumns = `repeat(${n_head}, ${size + 4}px)`;
  for (let layer = 0; layer < n_layer; layer++) {
    for (let head = 0; head < n_head; head++) {
      const canvas = make("canvas");
      canvas.style.width = canvas.style.height = `${size}px`;
      const name = `layer ${layer}, head ${head}`;
      const button = make("button", { type: "button", title: name, "aria-label": name },
        canvas);
      button.addEventListener("click", () => chooseHead(layer, head));
      $("heads").append(button);
    }
  }
}

function drawHeads() {
  $("heads").querySelectorAll("canvas").forEach((canvas, i) =>
    drawHead(canvas, Math.floor(i / n_head), i % n_head));
}

function chooseHead(layer, head) {
  state.layer = layer;
  state.head = head;
  showAttention();
}

function showAttention() {
  const { layer, head } = state, from = state.position - 1;
  $("layer").value = layer;
  $("head").value = head;
  $("heads").querySelectorAll("button").forEach((button, i) =>
    button.setAttribute("aria-pressed", String(i === layer * n_head + head)));
  drawHead($("map"), layer, head, from);
  const name = `layer ${layer}, head ${head}`;
  $("map").setAttribute("aria-label", `${name}: heat map of ${n_tok} by ${n_tok}`);
  const reader = quoted(data.tokens[from]);
  $("attention-hint").textContent = `What ${reader}, token ${from}, looks at: it stands `
    + `where token ${state.position} is predicted. A picture a head, a row a layer.`;
  const strong = Array.from({ length: from + 1 }, (_, to) => [to, weight(layer, head, from, to)])
    .filter(([, w]) => w >= 0.02).sort((a, b) => b[1] - a[1]);
  $("looks").textContent = `In ${name}, ${reader} looks at ` + strong.slice(0, 8)
    .map(([to, w]) => `${quoted(data.tokens[to])} (token ${to}) ${percent(w, 0)}`)
    .join(", ") + ".";
  drawLines(strong, from);
}

/* The text once more, with lines from the token that looks to those it looks at. */
function drawLines(strong, from) {
  const box = $("lines");
  fillText(box, (t) => (t <= from ? weight(state.layer, state.head, from, t) : 0));
  const buttons = box.querySelectorAll(".token");
  buttons[from].setAttribute("aria-current", "true");
  const frame = box.getBoundingClientRect();
  const middle = (t) => {
    const spot = buttons[t].getClientRects()[0];
    return [spot.left + spot.width / 2 - frame.left, spot.top - frame.top];
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("width", frame.width);
  svg.setAttribute("height", frame.height);
  for (const [to, w] of strong) {
    const [x, y] = middle(from), [u, v] = middle(to);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const lift = Math.min(y, v) - 16 - Math.abs(x - u) / 40;
    path.setAttribute("d", `M${x} ${y} C${x} ${lift} ${u} ${lift} ${u} ${v}`);
    path.setAttribute("stroke-width", 1 + 4 * w);
    path.setAttribute("stroke-opacity", 0.25 + 0.75 * w);
    svg.append(path);
  }
  box.append(svg);
}

// ---- The logit lens -----------------------------------------------------------------

function showLens() {
  const row = state.position - 1, n_top = data.lens.n_top;
  const first = ["after", ...Array.from({ length: n_top }, (_, i) => `${i + 1}.`),
    "the answer's rank", "and probability"];
  const lines = [make("tr", {}, ...first.map((x) => make("th", { scope: "col" }, x)))];
  const top = (layer, k) => lensIds[(layer * n_tok + row) * n_top + k];
  const answer = top(n_layer, 0);
  let settled = n_layer;
  while (settled && lensRank[(settled - 1) * n_tok + row] === 1) settled--;
  const name = (layer) => (layer ? `block ${layer - 1}` : "the embedding");
  for (let layer = 0; layer <= n_layer; layer++) {
    const at = layer * n_tok + row;
    const line = make("tr", {}, make("th", { scope: "row" }, name(layer)));
    for (let k = 0; k < n_top; k++) {
      const id = top(layer, k);
      const text = make("code", { className: id === answer ? "answer" : "" },
        quoted(textOf(id)));
      line.append(make("td", {}, text, ` ${percent(lensP[at * n_top + k], 0)}`));
    }
    line.append(make("td", { className: "number" }, String(lensRank[at])),
      make("td", { className: "number" }, percent(lensAnswerP[at])));
    lines.push(line);
  }
  $("lens").replaceChildren(...lines);
  $("lens-hint").textContent = `What the model would say behind ${quoted(data.tokens[row])} `
    + `if it ended earlier. Its answer, ${quoted(textOf(answer))}, is the best from `
    + `${name(settled)} on.`;
}

// ---- Beams --------------------------------------------------------------------------

const isKept = (node) => node.fate !== "dropped";

/* A beam that had one continuation only is told in one line with it. */
function beamNode(node) {
  let text = node.text, end = node;
  while (end.children.filter(isKept).length === 1) {
    end = end.children.find(isKept);
    text += end.text;
  }
  const place = node.place ? ` #${node.place}` : "";
  const words = [`step ${node.step}${place} `, make("code", {}, quoted(text)),
    ` ${end.score.toFixed(2)}${end.fate === "finished" ? " ✓ finished" : ""}`];
  const kind = node.alive ? "" : "dead";
  const why = end.died ? make("div", { className: "why" }, `died at ${end.died}`) : "";
  if (!end.children.length) return make("div", { className: `leaf ${kind}` }, ...words, why);
  return make("details", { open: node.alive },
    make("summary", { className: kind }, ...words), why, ...beamNodes(end.children));
}

/* The beams that were kept, and folded away the candidates that were not. */
function beamNodes(nodes) {
  const lost = nodes.filter((node) => !isKept(node));
  const lines = nodes.filter(isKept).map(beamNode);
  if (!lost.length) return lines;
  return [...lines, make("details", {},
    make("summary", { className: "dead" }, `${lost.length} candidates not kept`),
    ...lost.map((node) => make("div", { className: "leaf dead" },
      make("code", {}, quoted(node.text)), ` ${node.score.toFixed(2)}`)))];
}

function buildBeams() {
  $("beams-section").hidden = !data.beams;
  if (!data.beams) return;
  $("beams").replaceChildren(...beamNodes(data.beams.tree));
  $("beams-hint").textContent = `${data.beams.about} The number is the sum of `
    + "log-probabilities; #2 is the second best beam of its step. Fold a branch with a "
    + "click, or with Enter.";
}

// ---- The tokenizer ------------------------------------------------------------------

function showMerges() {
  const t = Math.min(state.position, n_tok - 1);
  const piece = data.pieces[data.piece_of[t]];
  const bytes = piece.bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const rows = piece.merges.map((m) => make("tr", {},
    make("td", {}, make("code", {}, `${quoted(m.left)} + ${quoted(m.right)}`)),
    make("td", { className: "number" }, `merge no. ${m.rank + 1}`)));
  const tokens = piece.tokens.map((x) => `${quoted(x.text)} ${x.id}`).join("  ");
  $("merges").replaceChildren(
    make("p", {}, "The piece ", make("code", {}, quoted(piece.text)), `, bytes ${bytes}`),
    make("table", {}, ...rows), make("p", {}, `Tokens: ${tokens}`));
}

// ---- All of it ----------------------------------------------------------------------

function showAll() {
  showChoice();
  showAttention();
  showLens();
  showMerges();
}

function build() {
  $("about").textContent = data.about;
  $("holds").replaceChildren(...data.holds.map((text) => make("li", {}, text)));
  fillText($("text"), offered);
  buildChain();
  buildHeads();
  buildBeams();
  drawHeads();
  document.addEventListener("keydown", onKey);
  $("do_sample").addEventListener("change", () => {
    state.settings.do_sample = $("do_sample").checked;
    showChoice();
  });
  $("order").addEventListener("change", () => {
    state.order = $("order").value;
    buildChain();
    showChoice();
  });
  $("reset").addEventListener("click", () => {
    state.settings = { ...data.settings };
    state.order = data.order;
    buildChain();
    showChoice();
  });
  for (const id of ["layer", "head"]) {
    $(id).addEventListener("change", () =>
      chooseHead(Number($("layer").value), Number($("head").value)));
  }
  window.addEventListener("resize", showAttention);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawHeads();
    showAttention();
  });
  select(state.position, false);
}

build();

</script>
</body>
</html>
