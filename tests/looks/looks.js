() => {
  const CLEAR = [255, 255, 255, 0];
  const colour = (text) => {
    const parts = text.match(/[\d.]+/g)?.map(Number) ?? CLEAR;
    return parts.length === 3 ? [...parts, 1] : parts;
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    if (!element) return [255, 255, 255, 1];
    const own = colour(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, background(element.parentElement));
  };
  const contrast = (element) => {
    const below = background(element);
    const pair = [light(over(colour(getComputedStyle(element).color), below)), light(below)].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const needed = (style) => {
    const size = parseFloat(style.fontSize);
    return size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!walker.currentNode.data.trim() || element.getClientRects().length === 0) continue;
    if (contrast(element) < needed(style)) faint.add(`${walker.currentNode.data.trim().slice(0, 40)} ${contrast(element).toFixed(2)}`);
  }
  const frame = document.scrollingElement;
  return { excess: Math.max(0, frame.scrollWidth - window.innerWidth), faint: [...faint] };
}
