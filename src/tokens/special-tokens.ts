/** The added tokens 151643 to 151668 of the tokenizer file. None is the start of another, so the order is free. */
export const SPECIAL_TOKENS = new RegExp([
  '<\\|(?:endoftext|im_start|im_end|object_ref_start|object_ref_end|box_start|box_end|quad_start|quad_end',
  'vision_start|vision_end|vision_pad|image_pad|video_pad|fim_prefix|fim_middle|fim_suffix|fim_pad',
  'repo_name|file_sep)\\|>',
  '</?(?:tool_call|tool_response|think)>'
].join('|'), 'g')
