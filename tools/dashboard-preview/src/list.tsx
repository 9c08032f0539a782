import { useEffect, useState } from 'react';

/** The dashboards that there are, for a person who starts the preview. */
export function List() {
  const [files, setFiles] = useState<string[]>([]);
  useEffect(() => {
    fetch('/dashboards')
      .then((answer) => answer.json())
      .then(setFiles);
  }, []);
  return (
    <ul className="list">
      {files.map((file) => (
        <li key={file}>
          <a href={`?d=${encodeURIComponent(file)}`}>{file}</a>
        </li>
      ))}
    </ul>
  );
}
