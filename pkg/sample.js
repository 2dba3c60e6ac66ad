// The text that the numbers beside an autoencoder are taken on; the same as the engine's own.

/** A sample text of a few sentences, by which a wrong normalisation is seen at once. */
export const SAMPLE_TEXT = "The ferry left the harbour a little after seven, when the rain had stopped and the gulls were quarrelling over something on the quay. Anna counted the coins in her pocket twice: four, and a button. \"You will be home by Friday,\" her brother had said, and he was usually right about such things. Beyond the lighthouse the water turned from grey to green. An old man was reading a newspaper aloud to his dog, which listened patiently. The price of bread had risen again in March, by 12 per cent, and nobody could explain why. She closed her eyes and tried to remember the song.";
